// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The node of a device, as the kernel calls it. */
#include "internal.h"

/* Pseudo terminals have no entry in /sys: 136 to 143, 256 each. */
static const char *find_pts(uint32_t number, char node[CGW_NODE_MAX])
{
	snprintf(node, CGW_NODE_MAX, "/dev/pts/%u", number);
	return access(node, F_OK) < 0 ? NULL : node;
}

const char *cgw_device_node(unsigned int type, uint32_t major, uint32_t minor,
			    char node[CGW_NODE_MAX])
{
	char path[64], line[CGW_NODE_MAX - 8];
	bool found = false;
	FILE *f;

	if (type == CGW_DEVICE_CHAR && major >= 136 && major <= 143)
		return find_pts((major - 136) * 256 + minor, node);
	snprintf(path, sizeof(path), "/sys/dev/%s/%u:%u/uevent",
		 type == CGW_DEVICE_BLOCK ? "block" : "char", major, minor);
	f = fopen(path, "re");
	if (!f)
		return NULL;
	while (!found && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "DEVNAME=", 8))
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(node, CGW_NODE_MAX, "/dev/%s", line + 8);
		found = true;
	}
	fclose(f);
	return found ? node : NULL;
}
