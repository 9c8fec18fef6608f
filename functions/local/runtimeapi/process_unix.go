//go:build unix

package runtimeapi

import (
	"os/exec"
	"syscall"
)

// separate puts the process into a group of its own: an interrupt typed at the
// terminal is for the driver, which stops the function in the platform's order.
func separate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
