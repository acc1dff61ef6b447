// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause

package main

import (
	"github.com/cilium/ebpf/asm"
	"github.com/opencontainers/runc/libcontainer/cgroups"
	"github.com/opencontainers/runc/libcontainer/cgroups/ebpf"
	"github.com/opencontainers/runc/libcontainer/cgroups/ebpf/devicefilter"
	"github.com/opencontainers/runc/libcontainer/cgroups/fs2"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/devices"
)

func runc() runtimeCode {
	var list []*devices.Rule
	return runtimeCode{
		read: func(rules []rule) {
			list = nil
			for _, r := range rules {
				list = append(list, &devices.Rule{
					Type: devices.Type(r.kind[0]), Major: r.major, Minor: r.minor,
					Permissions: devices.Permissions(r.access), Allow: r.allow,
				})
			}
		},
		filter: func() (asm.Instructions, string, error) { return devicefilter.DeviceFilter(list) },
		attach: ebpf.LoadAttachCgroupDeviceFilter,
		group: func(path string) group {
			// fails only where it is to find the directory
			m, _ := fs2.NewManager(&configs.Cgroup{Resources: &configs.Resources{}},
				mountpoint+path)
			return &runcGroup{m}
		},
	}
}

type runcGroup struct {
	cgroups.Manager
}

// Apply with -1 makes the group and attaches nothing.
func (g *runcGroup) create() error {
	if err := g.Apply(-1); err != nil {
		return err
	}
	return g.Set(&configs.Resources{
		CpuWeight: 200, CpuQuota: 50000, CpuPeriod: 100000, CpusetCpus: "0",
		MemoryReservation: 16 << 20, Memory: 256 << 20, MemorySwap: (256 + 64) << 20,
		PidsLimit: 100,
		BlkioThrottleReadBpsDevice: []*configs.ThrottleDevice{
			configs.NewThrottleDevice(1, 0, 10<<20),
		},
		SkipDevices: true,
	})
}

// What Apply does when the group is there.
func (g *runcGroup) attach(pid int) error { return cgroups.WriteCgroupProc(g.Path(""), pid) }

func (g *runcGroup) stat() error {
	_, err := g.GetStats()
	return err
}

func (g *runcGroup) remove() error { return g.Destroy() }
