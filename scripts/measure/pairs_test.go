//go:build unix

package main

import (
	"os/exec"
	"testing"
)

func TestTheIntervalOfAMedianIsByItsRanks(t *testing.T) {
	var values []float64
	for i := range 200 {
		values = append(values, float64(199-i))
	}
	if median, low, high := interval(values); median != 100 || low != 86 || high != 114 {
		t.Errorf("%v, from %v to %v", median, low, high)
	}
	if median, low, high := interval([]float64{3, 1}); median != 3 || low != 1 || high != 3 {
		t.Errorf("of two: %v, from %v to %v", median, low, high)
	}
}

func TestEachOfAPairIsTheFirstAsOften(t *testing.T) {
	program, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	order := ""
	c := func(name string) command {
		return command{args: []string{program}, before: func() { order += name }}
	}
	took, ratios, err := pair{base: c("a"), other: c("b")}.run(4)
	if err != nil || len(took) != 4 || len(ratios) != 4 || order != "abbaabbaabbaabbaabba" {
		t.Errorf("%d, %d, %q, error %v", len(took), len(ratios), order, err)
	}
}
