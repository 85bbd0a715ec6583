package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of times in /proc/PID/stat: USER_HZ, 100 a second on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// processes are a side's process and its children.
func processes(x *side) (pids []int, err error) {
	pids = []int{x.cmd.Process.Pid}
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		fields, err := statOf(path)
		if err != nil {
			continue // it has ended
		}
		if parent, _ := strconv.Atoi(fields[1]); parent == x.cmd.Process.Pid {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			pids = append(pids, pid)
		}
	}
	return pids, err
}

// statOf returns the fields of a stat file behind the command's name: state, parent, …
func statOf(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	i := strings.LastIndexByte(string(text), ')')
	if i < 0 {
		return nil, fmt.Errorf("%s cannot be read", path)
	}
	return strings.Fields(string(text[i+1:])), nil
}

// taken is processor time: the program's own and what the kernel did for it.
type taken struct{ own, kernel time.Duration }

// cpuOf is the processor time that a side has taken.
func cpuOf(x *side) (total taken, err error) {
	pids, err := processes(x)
	if err != nil {
		return total, err
	}
	for _, pid := range pids {
		fields, err := statOf(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return total, err
		}
		for i, t := range map[int]*time.Duration{11: &total.own, 12: &total.kernel} { // utime, stime
			n, err := strconv.ParseInt(fields[i], 10, 64)
			if err != nil {
				return total, err
			}
			*t += time.Duration(n) * tick
		}
	}
	return total, nil
}

// memoryOf is what a side has in memory, in bytes.
func memoryOf(x *side) (total int64, err error) {
	pids, err := processes(x)
	if err != nil {
		return 0, err
	}
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if err != nil {
			return 0, err
		}
		pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
		if err != nil {
			return 0, err
		}
		total += pages * int64(os.Getpagesize())
	}
	return total, nil
}

const idleConnections = 2000

// idle tells how much memory connections take that have asked once and wait.
func (b *bench) idle(ctx context.Context) error {
	fmt.Printf("\n### idle: %d connections that asked once\n\n| | MB before | MB more |\n|---|---:|---:|\n", idleConnections)
	for _, x := range b.sides {
		if x.address == "" {
			continue
		}
		before, err := memoryOf(x)
		if err != nil {
			return err
		}
		connections, err := b.connect(ctx, x)
		for _, c := range connections {
			defer c.Close()
		}
		if err != nil {
			return fmt.Errorf("idle connections to %s: %w", x.name, err)
		}
		after, err := memoryOf(x)
		if err != nil {
			return err
		}
		b.memory[x.name] = float64(after-before) / 1e6
		fmt.Printf("| %s | %.1f | %.1f |\n", x.name, float64(before)/1e6, float64(after-before)/1e6)
	}
	return nil
}

func pathOf(x *side, s shape) string {
	if x.ours {
		return s.ours
	}
	return s.path
}

func (b *bench) connect(ctx context.Context, x *side) (connections []net.Conn, err error) {
	s := shapes()[0]
	buffer := make([]byte, 16<<10)
	for i := range idleConnections {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", x.address)
		if err != nil {
			return connections, err
		}
		connections = append(connections, c)
		if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: bench\r\nX-Api-Key: %s\r\n\r\n", pathOf(x, s), b.keys[i%keyCount]); err != nil {
			return connections, err
		}
		if _, err := c.Read(buffer); err != nil {
			return connections, err
		}
	}
	return connections, nil
}
