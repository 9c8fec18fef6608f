package route

import (
	"strings"

	"slb-registrar/shared/vsg"
)

const maxID = 128

func validType(t vsg.Type) bool {
	return t == vsg.ECS || t == vsg.ENI || t == vsg.ECI
}

const idAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

// validID holds for ids of regions, groups, load balancers and servers.
func validID(id string) bool {
	return id != "" && len(id) <= maxID && strings.Trim(id, idAlphabet) == ""
}

// didYouMean suggests the known word that is nearest to a misspelled one.
func didYouMean(word string, known []string) string {
	best, least := "", len(word)/2+1
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}

// distance is how many letters have to be put in, taken out or replaced.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := previous
			if a[i] != b[j] {
				cost++
			}
			previous = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
