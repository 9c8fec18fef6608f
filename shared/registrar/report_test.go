package registrar_test

import (
	"reflect"
	"testing"

	"slb-registrar/shared/registrar"
)

// A field that is added to the Report and forgotten in Add would be missing from
// every summary line.
func TestAddForgetsNoField(t *testing.T) {
	var one, sum registrar.Report
	v := reflect.ValueOf(&one).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.Map:
			f.Set(reflect.ValueOf(map[string]int{"action": 1}))
		default:
			f.SetInt(1)
		}
	}
	sum.Add(one)
	if !reflect.DeepEqual(sum, one) {
		t.Errorf("added to nothing, %+v became %+v", one, sum)
	}
}
