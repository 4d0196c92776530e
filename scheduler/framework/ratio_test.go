package framework

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestFraction(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := rapid.Int64Range(1, math.MaxInt64).Draw(t, "whole")
		part := rapid.Int64Range(0, whole).Draw(t, "part")
		of := rapid.Int64Range(0, math.MaxInt64).Draw(t, "of")
		want := new(big.Int).Mul(big.NewInt(of), big.NewInt(part))
		want.Quo(want, big.NewInt(whole))
		if got := Fraction(of, part, whole); got != want.Int64() {
			t.Fatalf("Fraction(%d, %d, %d) is %d, want %v", of, part, whole, got, want)
		}
	})
}

func TestFractionRefusesMoreThanTheWhole(t *testing.T) {
	for _, arguments := range [][3]int64{{-1, 0, 1}, {1, -1, 1}, {1, 2, 1}, {1, 0, 0}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Fraction%v did not panic", arguments)
				}
			}()
			Fraction(arguments[0], arguments[1], arguments[2])
		}()
	}
}
