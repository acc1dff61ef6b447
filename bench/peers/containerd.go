// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause

package main

import (
	"github.com/cilium/ebpf/asm"
	"github.com/containerd/cgroups/v2"
	"github.com/opencontainers/runtime-spec/specs-go"
)

func containerd() runtimeCode {
	var devices []specs.LinuxDeviceCgroup
	return runtimeCode{
		read: func(rules []rule) {
			devices = nil
			for i := range rules {
				r := &rules[i]
				devices = append(devices, specs.LinuxDeviceCgroup{
					Allow: r.allow, Type: r.kind, Major: &r.major, Minor: &r.minor,
					Access: r.access,
				})
			}
		},
		filter: func() (asm.Instructions, string, error) { return v2.DeviceFilter(devices) },
		attach: v2.LoadAttachCgroupDeviceFilter,
		group: func(path string) group {
			// does no more than keep the path; create replaces it
			m, _ := v2.LoadManager(mountpoint, path)
			return &containerdGroup{path: path, manager: m}
		},
	}
}

type containerdGroup struct {
	path    string
	manager *v2.Manager
}

func (g *containerdGroup) create() error {
	weight := uint64(200)
	low, max, swap := int64(16<<20), int64(256<<20), int64(64<<20)
	m, err := v2.NewManager(mountpoint, g.path, &v2.Resources{
		CPU:    &v2.CPU{Weight: &weight, Max: "50000 100000", Cpus: "0"},
		Memory: &v2.Memory{Low: &low, Max: &max, Swap: &swap},
		Pids:   &v2.Pids{Max: 100},
		IO:     &v2.IO{Max: []v2.Entry{{Type: v2.ReadBPS, Major: 1, Rate: 10 << 20}}},
	})
	g.manager = m
	return err
}

func (g *containerdGroup) attach(pid int) error { return g.manager.AddProc(uint64(pid)) }

func (g *containerdGroup) stat() error {
	_, err := g.manager.Stat()
	return err
}

func (g *containerdGroup) remove() error { return g.manager.Delete() }
