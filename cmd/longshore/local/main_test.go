package local

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

// roleVariable makes the test binary play another program, so that tests can kill it.
const roleVariable = "LOCAL_TEST_ROLE"

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVariable); role {
	case "parent":
		playParent()
	case "builder":
		playBuilder()
	case "serve", "refuse", "end":
		playProgram(role)
	default:
		os.Exit(m.Run())
	}
}

// playParent starts a bound process, prints its id and waits to be killed.
func playParent() {
	p, err := command{name: "child", path: "sleep", args: []string{"600"}, log: os.Getenv("LOCAL_TEST_LOG"), dieWithCaller: true}.start()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(p.PID)
	time.Sleep(time.Hour)
}

// playBuilder takes the lock of a build, writes half a binary and waits to be killed.
func playBuilder() {
	err := buildOnce(context.Background(), os.Getenv("LOCAL_TEST_TARGET"), Silent, func(out string) error {
		if err := os.WriteFile(out, []byte("half"), 0o700); err != nil {
			return err
		}
		fmt.Println("building")
		time.Sleep(time.Hour)
		return nil
	})
	fmt.Println(err)
}
