package main

import (
	"cmp"
	"math"
	"slices"
)

// quantile is the value that a share q of the sorted values does not exceed.
func quantile[T cmp.Ordered](sorted []T, q float64) T {
	var none T
	if len(sorted) == 0 {
		return none
	}
	return sorted[min(len(sorted)-1, max(0, int(math.Ceil(q*float64(len(sorted))))-1))]
}

func median(values []float64) float64 {
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	if n := len(sorted); n > 0 && n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return quantile(sorted, 0.5)
}

// mannWhitney tests whether two samples come from one distribution (Mann and Whitney 1947): the share of pairs in which the
// first is larger, a half where there is no difference, and the two-sided probability of a share as far from a half by chance,
// in the normal approximation with the correction for ties.
func mannWhitney(a, b []float64) (larger, p float64) {
	type ranked struct {
		value float64
		first bool
	}
	all := make([]ranked, 0, len(a)+len(b))
	for _, v := range a {
		all = append(all, ranked{v, true})
	}
	for _, v := range b {
		all = append(all, ranked{v, false})
	}
	slices.SortFunc(all, func(x, y ranked) int { return cmp.Compare(x.value, y.value) })
	var ranks, ties float64
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].value == all[i].value {
			j++
		}
		same := float64(j - i)
		ties += same*same*same - same
		for _, x := range all[i:j] {
			if x.first {
				ranks += float64(i+j+1) / 2
			}
		}
		i = j
	}
	n, m := float64(len(a)), float64(len(b))
	if n == 0 || m == 0 {
		return 0.5, 1
	}
	u := ranks - n*(n+1)/2
	total := n + m
	variance := n * m / 12 * (total + 1 - ties/(total*(total-1)))
	if variance <= 0 {
		return 0.5, 1
	}
	z := (math.Abs(u-n*m/2) - 0.5) / math.Sqrt(variance)
	return u / (n * m), math.Min(1, math.Erfc(math.Max(0, z)/math.Sqrt2))
}

// farthest is the largest difference of a quantile of the two samples between the 5th and the 95th hundredth, and which.
func farthest(a, b []float64) (difference, at float64) {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	for hundredth := 5; hundredth <= 95; hundredth++ {
		q := float64(hundredth) / 100
		if d := quantile(a, q) - quantile(b, q); math.Abs(d) > math.Abs(difference) {
			difference, at = d, q
		}
	}
	return difference, at
}
