package root

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/longshore-project/longshore/cmd/longshore/connect/connecttest"
)

func TestHelpUsesTheNameItWasCalledBy(t *testing.T) {
	tests := []struct{ program, want string }{
		{"/usr/local/bin/longshore", "longshore"},
		{"kubectl-longshore", "kubectl longshore"},
		{`kubectl-longshore.exe`, "kubectl longshore"},
		{"./ls", "ls"},
	}
	for _, test := range tests {
		t.Run(test.program, func(t *testing.T) {
			help, err := connecttest.Run(t, NewCommand(test.program), "join", "--help")
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"  " + test.want + " join NAME [flags]", "  " + test.want + " join member1 --cluster-kubeconfig"} {
				if !strings.Contains(help, want) {
					t.Errorf("help does not say %q:\n%s", want, help)
				}
			}
		})
	}
}

func TestEveryCommandIsDocumented(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Short == "" || cmd.Long == "" || cmd.Example == "" {
			t.Errorf("%s lacks a short text, a long text or an example", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(NewCommand("longshore"))
}

func TestBadInputIsOneLineAndNamesTheCure(t *testing.T) {
	tests := []struct {
		name string
		args []string
		want []string
	}{
		{"unknown flag", []string{"join", "--frob"}, []string{"--frob", "longshore join --help"}},
		{"no name", []string{"join"}, []string{"NAME", "longshore join --help"}},
		{"two names", []string{"unjoin", "a", "b"}, []string{"NAME", "longshore unjoin --help"}},
		{"bad name", []string{"join", "Member_1", "--cluster-context", "x"}, []string{`"Member_1"`, "lower case"}},
		{"long name", []string{"join", strings.Repeat("x", 49), "--cluster-context", "x"}, []string{"49", "48"}},
		{"no member", []string{"join", "member1"}, []string{"--cluster-kubeconfig", "--cluster-context"}},
		{"bad region", []string{"join", "member1", "--cluster-context", "x", "--cluster-region", "eu west"}, []string{"--cluster-region", `"eu west"`}},
		{"empty zone", []string{"join", "member1", "--cluster-context", "x", "--cluster-zones", "a,,b"}, []string{"--cluster-zones", "comma"}},
		{"nothing to cordon", []string{"cordon"}, []string{"--selector"}},
		{"names and selector", []string{"uncordon", "a", "-l", "x=y"}, []string{"--selector"}},
		{"bad selector", []string{"cordon", "-l", "x==="}, []string{"--selector"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := connecttest.Run(t, NewCommand("longshore"), test.args...)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error has several lines: %v", err)
			}
		})
	}
}
