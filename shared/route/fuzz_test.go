package route

import (
	"errors"
	"strings"
	"testing"

	"slb-registrar/functions"
	"slb-registrar/shared/vsg"
)

// FuzzParse holds what every caller relies on: a configuration is within all
// bounds, or each of its problems has words and belongs to the file.
func FuzzParse(f *testing.F) {
	f.Add(documented)
	f.Add(string(functions.Sample))
	for _, fault := range faults() {
		f.Add(fault.text)
	}
	for _, fault := range onlyGo() {
		if len(fault.text) < 10_000 {
			f.Add(fault.text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("f", []byte(text))
		if err != nil {
			var invalid *Invalid
			if !errors.As(err, &invalid) || len(invalid.Problems) == 0 {
				t.Fatalf("%T: %v", err, err)
			}
			for _, p := range invalid.Problems {
				if p.Message == "" || p.File != "f" || p.Line < 0 || p.Line > strings.Count(text, "\n")+strings.Count(text, "\r")+2 {
					t.Fatalf("%+v", p)
				}
			}
			return
		}
		if c.Version != 1 || c.MaxBatch < 1 || c.MaxBatch > vsg.MaxBatchLimit || c.Retention <= 0 || len(c.Routes) == 0 || c.LongestWait() < 0 {
			t.Fatalf("%+v", c)
		}
		for _, r := range c.Routes {
			if r.Name == "" || r.Match == (Match{}) {
				t.Fatalf("%+v", r)
			}
			for _, target := range r.Targets {
				if !validID(target.Group.ID) || !validID(target.Group.RegionID) || target.Port < 1 || target.Port > 65535 || target.Weight < 0 || target.Weight > 100 || !validType(target.Type) || !vsg.ValidDescription(target.Description) {
					t.Fatalf("%+v", target)
				}
			}
		}
	})
}

// FuzzTemplate renders whatever can be written as a template.
func FuzzTemplate(f *testing.F) {
	f.Add("{{ .InstanceId }}", "i-1", "")
	f.Add("eni-{{.Metadata.a.b}}", "i-1", `{"a":{"b":1}}`)
	f.Add("{{ .Metadata }}", "i-1", "eni-1")
	f.Add("{{ }}", "", "null")
	f.Fuzz(func(t *testing.T, text, instance, metadata string) {
		template, err := ParseTemplate(text)
		if err != nil {
			return
		}
		out, err := template.render(instance, metadata)
		if err == nil && !strings.Contains(text, "{{") && out != text {
			t.Fatalf("%q without names gives %q", text, out)
		}
		if err == nil && strings.TrimSpace(text) == "{{ .InstanceId }}" && strings.TrimSpace(out) != strings.TrimSpace(instance) {
			t.Fatalf("%q gives %q", text, out)
		}
	})
}
