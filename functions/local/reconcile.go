package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"slb-registrar/shared/handler"
	"slb-registrar/shared/reconcile"
	"slb-registrar/shared/vsg"
)

type reconcileCommand struct {
	Config           string        `placeholder:"FILE" help:"The routes; else REGISTRAR_CONFIG, ./registrar.yaml, functions/registrar.yaml."`
	Endpoint         string        `placeholder:"URL" env:"REGISTRAR_ENDPOINT" help:"A CLB and ESS endpoint, real or simulated; default: the official ones of each region."`
	Store            string        `placeholder:"URL" env:"REGISTRAR_STORE" default:"memory:" help:"Where records live; with --repair that of the functions, or what they are doing is not known."`
	Timeout          time.Duration `default:"60s" help:"Time-out of the run. With a store other than memory: the next run goes on where this one ended."`
	Output           format        `enum:"json,table," default:"" help:"json (the Result) or table; default: table on a terminal."`
	ScalingGroup     []string      `placeholder:"ID" sep:"none" help:"Compare only what this scaling group feeds; repeatable. Default: all that the routes name literally."`
	Repair           bool          `help:"Add what is missing and set our weights. Without it nothing is changed."`
	Remove           bool          `help:"Remove too what we added and nobody wants any more."`
	MaxRemovePercent int           `default:"10" help:"How much of a group to remove at most; one backend at least, and never the last."`
}

// Run makes one reconcile run: the tick of a timer, on this machine.
func (c *reconcileCommand) Run(ctx context.Context, std stdio) error {
	switch {
	case c.Timeout <= 0:
		return fmt.Errorf("--timeout %v: a time-out has to be positive", c.Timeout)
	case c.MaxRemovePercent < 1 || c.MaxRemovePercent > 100:
		return fmt.Errorf("--max-remove-percent %d: want 1 to 100", c.MaxRemovePercent)
	}
	tick, err := c.tick()
	if err != nil {
		return err
	}
	settings := settings{config: c.Config, store: c.Store, endpoint: c.Endpoint}
	if settings.endpoint == "" {
		// In the built-in simulator there would be nothing to compare.
		settings.endpoint = officialEndpoints
	}
	bench, err := open(ctx, std, settings, nil)
	if err != nil {
		return err
	}
	defer bench.close()
	result := bench.invoke(ctx, c.Timeout, "fc", "reconcile", tick)
	result.Answer = nil // nobody waits for one
	if c.Output.orDefault(std.out) == formatJSON {
		err = json.NewEncoder(std.out).Encode(result)
	} else {
		err = printDrift(std.out, result)
	}
	if err != nil {
		return err
	}
	if status := c.exit(result); status != exitDone {
		return status
	}
	return nil
}

// tick is the event that a timer would send.
func (c *reconcileCommand) tick() ([]byte, error) {
	payload, err := json.Marshal(map[string]any{
		"scalingGroupIds": c.ScalingGroup, "repair": c.Repair, "remove": c.Remove, "maxRemovePercent": c.MaxRemovePercent,
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{
		"triggerTime": time.Now().UTC().Format(time.RFC3339), "triggerName": "command-line", "payload": string(payload),
	})
}

func (c *reconcileCommand) exit(r handler.Result) exitStatus {
	switch {
	case r.Reconcile == nil, r.Messages[0].Status == handler.Rejected && len(r.Changes) == 0:
		return exitUsage
	case !c.Repair && len(r.Drift) > 0:
		return exitDrift
	case r.Reconcile.Undone, r.Messages[0].Status != handler.Done:
		return exitFailed
	}
	return exitDone
}

// printDrift shows a person what is not as it should be, and what became of it.
func printDrift(w io.Writer, r handler.Result) error {
	w = tidy{w}
	if r.Reconcile == nil {
		fmt.Fprintf(w, "Nothing was compared: %s\n", why(r.Messages[0].Error))
		return nil
	}
	counts := []string{}
	for _, kind := range reconcile.Kinds() {
		if n := r.Reconcile.Drift[kind]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, kind))
		}
	}
	if len(counts) == 0 {
		counts = append(counts, "no drift")
	}
	fmt.Fprintf(w, "%d of %d VServer groups compared in %d ms: %s\n", r.Reconcile.Compared, r.Reconcile.Groups, r.DurationMs, strings.Join(counts, ", "))
	if r.Reconcile.NotReached > 0 {
		fmt.Fprintf(w, "The time was over before %d of them: the next run begins there.\n", r.Reconcile.NotReached)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	printDriftRows(t, r)
	if len(r.Reconcile.Problems) > 0 {
		fmt.Fprintln(t, "\n  PROBLEM\tSCALING GROUP\tGROUP\tWHY")
		for _, p := range r.Reconcile.Problems {
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", p.Code, dash(p.ScalingGroupID), dash(p.VServerGroupID), printable(p.Message))
		}
	}
	printCalls(t, r.Calls)
	return t.Flush()
}

// place is where a backend is.
type place struct {
	region, group, server, ip string
	port                      int
}

// printDriftRows shows the first rows of each kind in each group and counts the
// others.
func printDriftRows(w io.Writer, r handler.Result) {
	if len(r.Drift) == 0 {
		return
	}
	ended := make(map[place]*handler.ChangeResult, len(r.Changes))
	for i := range r.Changes {
		c := &r.Changes[i]
		ended[place{c.RegionID, c.VServerGroupID, c.ServerID, c.ServerIP, c.Port}] = c
	}
	fmt.Fprintln(w, "\n  DRIFT\tGROUP\tBACKEND\tWEIGHT\tTYPE\tSCALING GROUP\tREPAIR")
	type kind struct{ kind, group string }
	shown, left := map[kind]int{}, map[kind]int{}
	var order []kind
	for _, d := range r.Drift {
		k := kind{string(d.Kind), d.VServerGroupID}
		if shown[k] == rowsPerKind {
			if left[k] == 0 {
				order = append(order, k)
			}
			left[k]++
			continue
		}
		shown[k]++
		weight, what := fmt.Sprint(d.Weight), dash(string(d.Type))
		if d.WantedWeight != nil {
			weight += fmt.Sprintf(", not %d", *d.WantedWeight)
		}
		if d.WantedType != "" {
			what += fmt.Sprintf(", not %s", d.WantedType)
		}
		server := d.ServerID
		if d.ServerIP != "" {
			server += "/" + d.ServerIP
		}
		fmt.Fprintf(w, "  %s\t%s\t%s:%d\t%s\t%s\t%s\t%s\n", d.Kind, d.VServerGroupID, server, d.Port, weight, what, dash(d.ScalingGroupID),
			repairOf(d, ended[place{d.RegionID, d.VServerGroupID, d.ServerID, d.ServerIP, d.Port}]))
	}
	for _, k := range order {
		fmt.Fprintf(w, "  %s\t%s\t… %d more\t\t\t\t\n", k.kind, k.group, left[k])
	}
}

// repairOf says what became, or would become, of a difference.
func repairOf(d handler.DriftResult, c *handler.ChangeResult) string {
	switch {
	case c == nil:
		return "left: " + d.Left
	case c.Status == vsg.Planned && c.Action == vsg.SetWeight:
		return "would set the weight"
	case c.Status == vsg.Planned:
		return "would " + string(c.Action)
	case c.Error != nil:
		return string(c.Status) + ": " + why(c.Error)
	}
	return string(c.Status)
}
