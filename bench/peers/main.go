// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause

// The groups and device filters of container runtimes, made by their own code.
//
//	peers runc|containerd
//
// Commands come on standard input, one a line; the answer to each is one line.
//
//	rules N          N lines follow: allow|deny a|b|c MAJOR MINOR ACCESS, -1 = any number;
//	                 make the filter of them: "made INSTRUCTIONS NANOSECONDS"
//	dump             "dump BYTES", then as many bytes: the filter as struct bpf_insn
//	apply N          N lines follow: directories of groups; load and attach the filter once
//	                 for each: "applied NANOSECONDS...", or "refused ERRNO NANOSECONDS"
//	cycle BASE N PID PARKING
//	                 N times in turn, in BASE/cI: create with the values, attach the process,
//	                 read the statistics, move it to PARKING, remove: 4 times N NANOSECONDS
//	                 (of all but the move)
//	stat BASE N I    read the statistics of N groups from BASE/gI on: N times NANOSECONDS
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

type rule struct {
	allow  bool
	kind   string
	major  int64
	minor  int64
	access string
}

// What a runtime has for it; the rules are converted before the clock runs.
type runtimeCode struct {
	read   func(rules []rule)
	filter func() (asm.Instructions, string, error)
	attach func(insns asm.Instructions, license string, dirFD int) (func() error, error)
	group  func(path string) group // below mountpoint
}

type server struct {
	code    runtimeCode
	in      *bufio.Reader
	out     *bufio.Writer
	insns   asm.Instructions
	license string
}

func (s *server) line() (string, error) {
	text, err := s.in.ReadString('\n')
	return strings.TrimSuffix(text, "\n"), err
}

func (s *server) rules(n int) error {
	rules := make([]rule, n)
	for i := range rules {
		r, verb := &rules[i], ""
		text, err := s.line()
		if err != nil {
			return err
		}
		_, err = fmt.Sscan(text, &verb, &r.kind, &r.major, &r.minor, &r.access)
		if err != nil {
			return fmt.Errorf("rule '%s': %w", text, err)
		}
		r.allow = verb == "allow"
	}
	s.code.read(rules)
	begin := time.Now()
	insns, license, err := s.code.filter()
	spent := time.Since(begin)
	if err != nil {
		return err
	}
	s.insns, s.license = insns, license
	fmt.Fprintf(s.out, "made %d %d\n", len(insns), spent.Nanoseconds())
	return nil
}

func (s *server) dump() error {
	var raw bytes.Buffer
	// Marshal resolves jumps in place: not in the ones that attach() is to get.
	insns := append(asm.Instructions(nil), s.insns...)
	if err := insns.Marshal(&raw, binary.LittleEndian); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "dump %d\n", raw.Len())
	_, err := s.out.Write(raw.Bytes())
	return err
}

func (s *server) apply(n int) error {
	dirs := make([]string, n)
	for i := range dirs {
		var err error
		if dirs[i], err = s.line(); err != nil {
			return err
		}
	}
	spent := make([]string, n)
	runtime.GC()
	for i, dir := range dirs {
		fd, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		begin := time.Now()
		_, err = s.code.attach(s.insns, s.license, fd)
		ns := time.Since(begin).Nanoseconds()
		unix.Close(fd)
		var errno unix.Errno
		if errors.As(err, &errno) {
			fmt.Fprintf(s.out, "refused %d %d\n", int(errno), ns)
			return nil
		}
		if err != nil {
			return err
		}
		spent[i] = strconv.FormatInt(ns, 10)
	}
	fmt.Fprintf(s.out, "applied %s\n", strings.Join(spent, " "))
	return nil
}

func (s *server) command(text string) error {
	var word, base, parking string
	var n, pid, first int
	fmt.Sscan(text, &word, &n)
	switch word {
	case "cycle":
		if _, err := fmt.Sscan(text, &word, &base, &n, &pid, &parking); err != nil {
			return err
		}
		return s.cycle(base, n, pid, parking)
	case "stat":
		if _, err := fmt.Sscan(text, &word, &base, &n, &first); err != nil {
			return err
		}
		return s.stat(base, n, first)
	case "rules":
		return s.rules(n)
	case "dump":
		return s.dump()
	case "apply":
		return s.apply(n)
	}
	return fmt.Errorf("unknown command '%s'", text)
}

func main() {
	codes := map[string]runtimeCode{"runc": runc(), "containerd": containerd()}
	if len(os.Args) != 2 || codes[os.Args[1]].filter == nil {
		fmt.Fprintln(os.Stderr, "usage: peers runc|containerd")
		os.Exit(2)
	}
	s := server{
		code: codes[os.Args[1]],
		in:   bufio.NewReader(os.Stdin),
		out:  bufio.NewWriter(os.Stdout),
	}
	for {
		text, err := s.line()
		if err != nil {
			return
		}
		if err = s.command(text); err == nil {
			err = s.out.Flush()
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "peers: %s: %v\n", os.Args[1], err)
			os.Exit(1)
		}
	}
}
