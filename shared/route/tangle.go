package route

import (
	"bytes"
	"fmt"
)

// maxTangle is how deep brackets, dashes and the like may nest. A
// configuration needs five levels.
const maxTangle = 64

// tangle finds what no configuration has and what takes the parser a time that
// grows with the square of the size, or worse: deep nesting, and very many
// documents. It looks at the text alone and errs on the side of letting pass.
func tangle(data []byte) (Problem, bool) {
	depth, documents, number := 0, 0, 0
	for line := range bytes.Lines(data) {
		number++
		if bytes.HasPrefix(line, []byte("---")) {
			if documents++; documents > 2 {
				return Problem{Line: number, Column: 1, Message: "has a second document here: there must be one"}, true
			}
		}
		leading := true
		indicators := 0
		for field := range bytes.FieldsSeq(line) {
			if field[0] == '#' {
				break // a comment
			}
			if leading = leading && (len(field) == 1 && (field[0] == '-' || field[0] == '?') || field[0] == '&' || field[0] == '!'); leading {
				indicators++
			}
			depth += bytes.Count(field, []byte("[")) + bytes.Count(field, []byte("{"))
			if depth > maxTangle || indicators > maxTangle {
				return Problem{Line: number, Column: 1, Message: fmt.Sprintf("is nested deeper than %d levels", maxTangle)}, true
			}
			depth -= bytes.Count(field, []byte("]")) + bytes.Count(field, []byte("}"))
		}
		depth = max(depth, 0)
	}
	return Problem{}, false
}
