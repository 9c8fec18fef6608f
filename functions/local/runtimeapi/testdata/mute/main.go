// A program that never asks for work.
package main

import (
	"os"
	"os/signal"
)

func main() {
	ever := make(chan os.Signal, 1)
	signal.Notify(ever, os.Interrupt)
	<-ever
}
