package handler

import (
	"fmt"
	"io"
	"time"

	"github.com/rs/zerolog"

	"slb-registrar/shared/registrar"
	"slb-registrar/shared/vsg"
)

// NewLogger returns a logger that writes one JSON object a line, stamped with
// RFC 3339 time in nanoseconds. An empty level means info. It touches none of
// zerolog's package-wide settings, so that it can live beside another logger.
func NewLogger(w io.Writer, level string) (zerolog.Logger, error) {
	l := zerolog.InfoLevel
	if level != "" {
		var err error
		if l, err = zerolog.ParseLevel(level); err != nil {
			return zerolog.Nop(), fmt.Errorf("LOG_LEVEL %q is none of trace, debug, info, warn, error: %w", level, err)
		}
	}
	return zerolog.New(w).Level(l).Hook(stamp{}), nil
}

type stamp struct{}

func (stamp) Run(e *zerolog.Event, _ zerolog.Level, _ string) {
	e.Str("timestamp", time.Now().UTC().Format(time.RFC3339Nano))
}

// logCall writes the one line of a call, under the request id of the
// invocation whose credentials it used.
func logCall(c registrar.Call) {
	log := zerolog.Ctx(c.Context)
	e := log.Info()
	if c.Disposition != vsg.DispositionDone {
		e = log.Warn()
	}
	e.Str("action", c.Action).Str("regionId", c.Group.RegionID).Str("vServerGroupId", c.Group.ID).Str("loadBalancerId", c.LoadBalancer.ID).
		Int("batchSize", c.BatchSize).Int("senders", c.Senders).Int("attempt", c.Attempt).
		Str("disposition", string(c.Disposition)).Str("code", c.Code).Str("reason", c.Message).Str("slbRequestId", c.RequestID).
		Int64("durationMs", c.Duration.Milliseconds()).Int64("waitedMs", c.Waited.Milliseconds()).
		Msg("load balancer called")
}
