// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause

package main

import (
	"github.com/cilium/ebpf/asm"
	"github.com/opencontainers/runc/libcontainer/cgroups/ebpf"
	"github.com/opencontainers/runc/libcontainer/cgroups/ebpf/devicefilter"
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
	}
}
