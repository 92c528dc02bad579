package main

import (
	"math"
	"testing"
)

func TestQuantile(t *testing.T) {
	values := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for q, want := range map[float64]float64{0: 1, 0.1: 1, 0.11: 2, 0.5: 5, 0.99: 10, 1: 10} {
		if got := quantile(values, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := median([]float64{3, 1, 2, 10}); got != 2.5 {
		t.Errorf("median %v", got)
	}
	if got := median([]float64{3, 1, 2}); got != 2 {
		t.Errorf("median %v", got)
	}
	if got := quantile([]float64(nil), 0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

// The numbers are those of the usual worked example: U of 17 of the 20 pairs, no ties.
func TestMannWhitney(t *testing.T) {
	larger, p := mannWhitney([]float64{19, 22, 16, 29, 24}, []float64{20, 11, 17, 12})
	if math.Abs(larger-17.0/20) > 1e-9 || math.Abs(p-0.1113) > 0.001 {
		t.Errorf("got %v and %v", larger, p)
	}
	if larger, p := mannWhitney([]float64{1, 1, 1}, []float64{1, 1}); larger != 0.5 || p != 1 {
		t.Errorf("all the same: %v and %v", larger, p)
	}
	if larger, p := mannWhitney(nil, []float64{1}); larger != 0.5 || p != 1 {
		t.Errorf("of nothing: %v and %v", larger, p)
	}
	var low, high []float64
	for i := range 200 {
		low, high = append(low, float64(i)), append(high, float64(i)+150)
	}
	if larger, p := mannWhitney(low, high); larger > 0.1 || p > 1e-9 {
		t.Errorf("far apart: %v and %v", larger, p)
	}
}

func TestFarthest(t *testing.T) {
	var a, b []float64
	for i := range 100 {
		a, b = append(a, float64(i)), append(b, float64(i))
	}
	if d, _ := farthest(a, b); d != 0 {
		t.Errorf("the same: %v", d)
	}
	for i := 50; i < 60; i++ {
		b[i] = 59.5
	}
	if d, at := farthest(a, b); d >= 0 || at < 0.5 || at > 0.6 {
		t.Errorf("got %v at %v", d, at)
	}
}
