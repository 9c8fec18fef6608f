package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"slb-registrar/shared/handler"
)

// isTerminal reports whether w is somebody's screen.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// format is how results are printed.
type format string

const (
	formatJSON  format = "json"
	formatTable format = "table"
)

// orDefault picks the table for a person and JSON for a program.
func (f format) orDefault(w io.Writer) format {
	switch {
	case f != "":
		return f
	case isTerminal(w):
		return formatTable
	default:
		return formatJSON
	}
}

// rowsPerKind bounds how many rows of one kind a table shows in full.
const rowsPerKind = 12

func printResult(w io.Writer, f format, name string, r handler.Result) error {
	if f == formatJSON {
		return json.NewEncoder(w).Encode(r)
	}
	w = tidy{w}
	fmt.Fprintf(w, "%s  (%s, %d ms)\n", printable(name), r.Platform, r.DurationMs)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\n  MESSAGE\tSOURCE\tSTATUS\tWHY")
	for _, m := range r.Messages {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", short(m.ID), dash(m.Source), m.Status, why(m.Error))
	}
	printChanges(t, r.Changes)
	if len(r.Hooks) > 0 {
		fmt.Fprintln(t, "\n  HOOK\tTOKEN\tRESULT\tSTATUS\tWHY")
		for _, h := range r.Hooks {
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\n", dash(h.LifecycleHookID), short(h.LifecycleActionToken), dash(h.Result), h.Status, why(h.Error))
		}
	}
	if len(r.Plan) > 0 {
		fmt.Fprintln(t, "\n  PLANNED CALL\tGROUP\tBACKENDS")
		for _, p := range r.Plan {
			fmt.Fprintf(t, "  %s\t%s\t%d\n", p.Action, printable(p.VServerGroupID), len(p.Backends))
		}
	}
	printCalls(t, r.Calls)
	if err := t.Flush(); err != nil {
		return err
	}
	if r.Answer != nil {
		if r.Answer.Error != nil {
			fmt.Fprintf(w, "\n  The platform gets an error: %s: %s\n", printable(r.Answer.Error.Type), printable(r.Answer.Error.Message))
		} else if r.Answer.Response != nil && len(r.Answer.Response) < 400 {
			fmt.Fprintf(w, "\n  The platform gets: %s\n", r.Answer.Response)
		}
	}
	fmt.Fprintln(w)
	return nil
}

func printCalls(w io.Writer, calls map[string]int) {
	if len(calls) == 0 {
		return
	}
	fmt.Fprintln(w, "\n  CALL\tTIMES")
	for _, action := range slices.Sorted(maps.Keys(calls)) {
		fmt.Fprintf(w, "  %s\t%d\n", action, calls[action])
	}
}

// printChanges shows the first changes of each kind and counts the others.
func printChanges(w io.Writer, changes []handler.ChangeResult) {
	if len(changes) == 0 {
		return
	}
	fmt.Fprintln(w, "\n  ACTION\tGROUP\tBACKEND\tWEIGHT\tSTATUS\tWHY")
	type kind struct{ action, group, status string }
	shown, left := map[kind]int{}, map[kind]int{}
	var order []kind
	for _, c := range changes {
		k := kind{string(c.Action), c.VServerGroupID, string(c.Status)}
		if shown[k] == rowsPerKind {
			if left[k] == 0 {
				order = append(order, k)
			}
			left[k]++
			continue
		}
		shown[k]++
		server := c.ServerID
		if c.ServerIP != "" {
			server += "/" + c.ServerIP
		}
		fmt.Fprintf(w, "  %s\t%s\t%s:%d\t%d\t%s\t%s\n", c.Action, printable(c.VServerGroupID), printable(server), c.Port, c.Weight, c.Status, why(c.Error))
	}
	for _, k := range order {
		fmt.Fprintf(w, "  %s\t%s\t… %d more\t\t%s\t\n", k.action, printable(k.group), left[k], k.status)
	}
}

func why(r *handler.Reason) string {
	if r == nil {
		return ""
	}
	s := r.Code + ": " + r.Message
	if r.Path != "" {
		s = r.Code + ": " + r.Path + ": " + r.Message
	}
	return printable(strings.ReplaceAll(s, "\n", " "))
}

func short(id string) string {
	if runes := []rune(id); len(runes) > 24 {
		id = string(runes[:23]) + "…"
	}
	return dash(id)
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return printable(s)
}
