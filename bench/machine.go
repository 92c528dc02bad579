package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
)

// cores is how many the machine has, whatever this process may use of them.
func cores() int {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.NumCPU()
	}
	return max(1, strings.Count("\n"+string(text), "\nprocessor"))
}

// machine describes what the numbers were measured on.
func machine(dir string) []string {
	pinning := "Not pinned to cores: client and server disturb each other."
	if canPin() {
		pinning = "The server is pinned to one core, the client (and PostgreSQL) to another."
	}
	return []string{
		fmt.Sprintf("%s, %d cores, %s of memory", cpuModel(), cores(), memoryOfMachine()),
		fmt.Sprintf("%s/%s, %s, %s", runtime.GOOS, runtime.GOARCH, kernel(), runtime.Version()),
		"Databases on " + fileSystem(dir) + ".",
		pinning,
	}
}

func lineOf(path, prefix string) string {
	f, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), prefix); ok {
			return strings.TrimSpace(strings.TrimLeft(rest, "\t :"))
		}
	}
	return "unknown"
}

func cpuModel() string { return lineOf("/proc/cpuinfo", "model name") }

func memoryOfMachine() string {
	var kib int64
	if _, err := fmt.Sscan(lineOf("/proc/meminfo", "MemTotal"), &kib); err != nil {
		return "an unknown amount"
	}
	return fmt.Sprintf("%.0f GiB", float64(kib)/(1<<20))
}

func kernel() string {
	text, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "unknown kernel"
	}
	version, _, _ := strings.Cut(strings.TrimSpace(string(text)), "-")
	return "kernel " + version
}

// fileSystem says what the folder is on, since a commit costs what its disk makes of it.
func fileSystem(dir string) string {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return "an unknown file system"
	}
	switch s.Type {
	case 0xef53:
		return "ext4, on the machine's own disk"
	case 0x58465342:
		return "xfs, on the machine's own disk"
	case 0x9123683e:
		return "btrfs, on the machine's own disk"
	case 0x01021994:
		return "tmpfs: **in memory, so that no commit is durable and none costs what it should**"
	case 0x794c7630:
		return "overlayfs"
	}
	return fmt.Sprintf("a file system of type %#x", s.Type)
}
