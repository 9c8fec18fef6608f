package main

import (
	"slices"

	"slb-registrar/shared/clbtest"
)

// faultRate is the share of calls that are made to fail. With the conflicts and the
// throttling that come about by themselves it is three of ten and more.
const faultRate = 0.27

// faults makes three calls of ten fail, each in its own way, and refuses the
// instances that are missing whenever they are named.
func faults(seed uint64, activities []*activity) []clbtest.Fault {
	var out []clbtest.Fault
	for _, a := range activities {
		if a.missing != "" {
			out = append(out, clbtest.Fault{ServerID: a.missing, Effect: clbtest.Effect{Code: "InvalidServerId.NotExist"}})
		}
	}
	kinds := []struct {
		share  float64
		effect clbtest.Effect
	}{
		{0.5, clbtest.Effect{Code: "Throttling.User"}},
		{3, clbtest.Effect{Code: "BackendServer.configuring"}},
		{6, clbtest.Effect{Reset: clbtest.ResetAfter}},
		{4, clbtest.Effect{Reset: clbtest.ResetBefore}},
		{3, clbtest.Effect{Body: clbtest.BodyTruncated}},
		{2, clbtest.Effect{Body: clbtest.BodyHTML, HTTPStatus: 502}},
		{1, clbtest.Effect{Body: clbtest.BodyNumericCode, HTTPStatus: 500}},
		{4, clbtest.Effect{Code: "ServiceUnavailable"}},
		{2, clbtest.Effect{Code: "InternalError"}},
		{1, clbtest.Effect{Code: "Never.Heard.Of", HTTPStatus: 400}},
		{1, clbtest.Effect{Drip: "1ms"}},
		{4, clbtest.Effect{Latency: "100ms", Jitter: "900ms"}},
	}
	total := 0.0
	for _, k := range kinds {
		total += k.share
	}
	// Of several rules that hit the first acts, so the later ones have to hit
	// more often to have their share.
	rest := 1.0
	for i, k := range kinds {
		share := k.share / total * faultRate
		out = append(out, clbtest.Fault{Probability: new(share / rest), Seed: seed*1000 + uint64(i), Effect: k.effect})
		rest -= share
	}
	// Above all, the service throttles who calls too often. Throttling that does
	// not depend on the rate would only teach the functions to crawl.
	return slices.Concat([]clbtest.Fault{{Effect: clbtest.Effect{Throttle: &clbtest.Throttle{PerSecond: 80, Burst: 40}}}}, out)
}
