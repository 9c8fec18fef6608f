// A function for the custom runtime of Function Compute that does what its event says.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
)

var initialized atomic.Bool

func main() {
	http.HandleFunc("POST /initialize", func(http.ResponseWriter, *http.Request) { initialized.Store(true) })
	http.HandleFunc("GET /pre-stop", func(http.ResponseWriter, *http.Request) { fmt.Println("pre-stop called") })
	http.HandleFunc("POST /invoke", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var event struct{ Do string }
		_ = json.Unmarshal(body, &event)
		switch event.Do {
		case "fail":
			w.Header().Set("x-fc-status", "404")
			_, _ = io.WriteString(w, `{"errorType":"errorString","errorMessage":"as told"}`)
		case "exit":
			os.Exit(7)
		case "hang":
			<-make(chan struct{})
		default:
			_ = json.NewEncoder(w).Encode(map[string]any{
				"requestId": r.Header.Get("x-fc-request-id"), "accessKeyId": r.Header.Get("x-fc-access-key-id"),
				"retryCount": r.Header.Get("x-fc-retry-count"), "timeout": r.Header.Get("x-fc-function-timeout"),
				"controlPath": r.Header.Get("x-fc-control-path"), "initialized": initialized.Load(),
			})
		}
	})
	panic(http.ListenAndServe("0.0.0.0:"+os.Getenv("FC_SERVER_PORT"), nil))
}
