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
	}
}
