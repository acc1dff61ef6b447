// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause

package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const mountpoint = "/sys/fs/cgroup" // runc knows no other

// A group as a runtime has it. Each step is what its package offers for it.
type group interface {
	// create makes it and sets the values of bench/resources.c.
	create() error
	attach(pid int) error
	stat() error
	remove() error
}

func timed(step func() error, spent []string) ([]string, error) {
	begin := time.Now()
	err := step()
	ns := time.Since(begin).Nanoseconds()
	return append(spent, strconv.FormatInt(ns, 10)), err
}

func (s *server) cycle(base string, n, pid int, parking string) error {
	var spent []string
	runtime.GC()
	for i := 0; i < n; i++ {
		var g group
		steps := []func() error{
			func() error {
				g = s.code.group(fmt.Sprintf("%s/c%d", base, i))
				return g.create()
			},
			func() error { return g.attach(pid) },
			func() error { return g.stat() },
			func() error { return g.remove() },
		}
		for j, step := range steps {
			var err error
			if j == len(steps)-1 {
				procs := mountpoint + parking + "/cgroup.procs"
				err = os.WriteFile(procs, []byte(strconv.Itoa(pid)), 0)
			}
			if err == nil {
				spent, err = timed(step, spent)
			}
			if err != nil {
				return err
			}
		}
	}
	fmt.Fprintln(s.out, strings.Join(spent, " "))
	return nil
}

func (s *server) stat(base string, n, first int) error {
	var spent []string
	groups := make([]group, n)
	for i := range groups {
		groups[i] = s.code.group(fmt.Sprintf("%s/g%d", base, first+i))
	}
	runtime.GC()
	for _, g := range groups {
		var err error
		if spent, err = timed(g.stat, spent); err != nil {
			return err
		}
	}
	fmt.Fprintln(s.out, strings.Join(spent, " "))
	return nil
}
