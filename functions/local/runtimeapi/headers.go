package runtimeapi

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// header is what the platform says about an invocation.
func (d *Driver) header(id string, k kind, e Event, deadline time.Time) http.Header {
	o := d.options
	if !e.Deadline.IsZero() {
		deadline = e.Deadline
	}
	h := http.Header{}
	milliseconds := strconv.FormatInt(deadline.UnixMilli(), 10)
	if o.Platform == Lambda {
		h.Set("Lambda-Runtime-Aws-Request-Id", id)
		h.Set("Lambda-Runtime-Deadline-Ms", milliseconds)
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+o.Region+":"+o.AccountID+":function:"+o.FunctionName)
		h.Set("Lambda-Runtime-Trace-Id", fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", time.Now().Unix(), random(12), random(8)))
	} else {
		credentials := o.Credentials
		if e.Credentials != nil {
			credentials = *e.Credentials
		}
		h.Set("X-Fc-Request-Id", id)
		h.Set("X-Fc-Function-Timeout", strconv.Itoa(int((o.Timeout+time.Second-1)/time.Second)))
		h.Set("X-Fc-Retry-Count", strconv.Itoa(e.RetryCount))
		h.Set("X-Fc-Function-Name", o.FunctionName)
		h.Set("X-Fc-Function-Handler", "main")
		h.Set("X-Fc-Function-Memory", strconv.Itoa(o.MemoryMB))
		h.Set("X-Fc-Access-Key-Id", credentials.AccessKeyID)
		h.Set("X-Fc-Access-Key-Secret", credentials.AccessKeySecret)
		h.Set("X-Fc-Security-Token", credentials.SecurityToken)
		h.Set("X-Fc-Region", o.Region)
		h.Set("X-Fc-Account-Id", o.AccountID)
		h.Set("X-Fc-Qualifier", "LATEST")
		h.Set("X-Fc-Version-Id", "")
		if o.Platform == FC {
			// The pages that list the headers of the custom runtime know neither
			// of these: there the function has to count from the time-out.
			h.Set("X-Fc-Function-Deadline", milliseconds)
			h.Set("X-Fc-Function-Type", string(k))
		}
	}
	for name, values := range e.Header {
		name = http.CanonicalHeaderKey(name)
		if len(values) == 0 {
			h.Del(name)
		} else {
			h[name] = values
		}
	}
	return h
}

// environment is what the platform sets before it starts the process.
func (d *Driver) environment(h host) []string {
	o := d.options
	env := []string{
		"PATH=/usr/local/bin:/usr/bin:/bin",
		"HOME=" + o.Dir,
		"TZ=UTC",
		"LANG=C.UTF-8",
	}
	memory := strconv.Itoa(o.MemoryMB)
	if o.Platform == Lambda {
		env = append(env,
			"LAMBDA_TASK_ROOT="+o.Dir,
			"AWS_REGION="+o.Region,
			"AWS_DEFAULT_REGION="+o.Region,
			"AWS_LAMBDA_FUNCTION_NAME="+o.FunctionName,
			"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
			"AWS_LAMBDA_FUNCTION_MEMORY_SIZE="+memory,
			"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/"+o.FunctionName,
			"AWS_LAMBDA_LOG_STREAM_NAME=local",
			"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
			"AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
			"_HANDLER=bootstrap",
		)
		if o.Concurrency > 1 {
			env = append(env, "AWS_LAMBDA_MAX_CONCURRENCY="+strconv.Itoa(o.Concurrency))
		}
	} else {
		env = append(env,
			"FC_FUNC_CODE_PATH="+o.Dir,
			"FC_REGION="+o.Region,
			"FC_ACCOUNT_ID="+o.AccountID,
			"FC_FUNCTION_NAME="+o.FunctionName,
			"FC_FUNCTION_HANDLER=main",
			"FC_FUNCTION_MEMORY_SIZE="+memory,
			"FC_QUALIFIER=LATEST",
		)
	}
	env = append(env, h.environment()...)
	return append(env, o.Env...)
}

// newRequestID makes an id in the form of a UUID, as both platforms do.
func newRequestID() string {
	id := random(16)
	return id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:]
}

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
