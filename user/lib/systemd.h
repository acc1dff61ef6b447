/* SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause */
/* The connection to a manager of systemd. */
#ifndef CGWARD_SYSTEMD_H
#define CGWARD_SYSTEMD_H

#include <systemd/sd-bus.h>

#include "unit.h"

/* What is used of libsystemd, which is loaded when it is first needed. */
#define SD_BUS_FUNCTIONS(X)                                                                       \
	X(sd_bus_call)                                                                            \
	X(sd_bus_error_free)                                                                      \
	X(sd_bus_error_get_errno)                                                                 \
	X(sd_bus_close_unref)                                                               \
	X(sd_bus_is_bus_client)                                                                   \
	X(sd_bus_is_ready)                                                                        \
	X(sd_bus_match_signal)                                                                    \
	X(sd_bus_message_append)                                                                  \
	X(sd_bus_message_append_array)                                                            \
	X(sd_bus_message_append_basic)                                                            \
	X(sd_bus_message_appendv)                                                                 \
	X(sd_bus_message_close_container)                                                         \
	X(sd_bus_message_enter_container)                                                         \
	X(sd_bus_message_new_method_call)                                                         \
	X(sd_bus_message_open_container)                                                          \
	X(sd_bus_message_peek_type)                                                               \
	X(sd_bus_message_read)                                                                    \
	X(sd_bus_message_read_array)                                                              \
	X(sd_bus_message_unref)                                                                   \
	X(sd_bus_new)                                                                             \
	X(sd_bus_open_system)                                                                     \
	X(sd_bus_open_user)                                                                       \
	X(sd_bus_process)                                                                         \
	X(sd_bus_set_address)                                                                     \
	X(sd_bus_set_method_call_timeout)                                                         \
	X(sd_bus_slot_unref)                                                                      \
	X(sd_bus_start)                                                                           \
	X(sd_bus_wait)

struct cgw__sd {
#define MEMBER(function) __typeof__(function) *(function);
	SD_BUS_FUNCTIONS(MEMBER)
#undef MEMBER
};

struct cgw__bus {
	struct cgw *c;
	void *lib;
	struct cgw__sd sd;
	sd_bus *bus;
	bool user;
	bool direct;	 /* to the manager's own socket, past the bus daemon */
	bool no_pidfds;	 /* the manager takes numbers of processes only */
	int64_t deadline; /* of the operation under way */
};

#define MANAGER_NAME "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE MANAGER_NAME ".Manager"
#define UNIT_INTERFACE MANAGER_NAME ".Unit"

/* systemd_bus.c */
int cgw__bus_open(struct cgw *c, bool user, int64_t deadline, const char *what,
		  struct cgw__bus **ret_b);
uint64_t cgw__bus_left_us(const struct cgw__bus *b);
int cgw__bus_send(struct cgw__bus *b, sd_bus_message *m, sd_bus_error *error,
		  sd_bus_message **ret_reply);
int cgw__bus_manager(struct cgw__bus *b, const char *member, sd_bus_error *error,
		     sd_bus_message **ret_reply, const char *types, ...);
int cgw__bus_property(struct cgw__bus *b, const char *path, const char *interface,
		      const char *property, sd_bus_error *error, char **ret_value);
int cgw__bus_explain(struct cgw__bus *b, int err, const char *what, const sd_bus_error *error);

/* Jobs: watch before asking for one, so that its end cannot be missed. */
struct cgw__job {
	struct cgw__bus *b;
	const char *unit;
	const char *path; /* NULL = not known yet */
	sd_bus_slot *slot;
	/* The last ones, of any unit until the path is known: a unit may have two names. */
	struct {
		char path[64];
		char result[32];
	} ended[64];
	size_t n;
};

int cgw__job_watch(struct cgw__bus *b, const char *unit, struct cgw__job *job);
int cgw__job_wait(struct cgw__job *job, const char *path, const char *what);
void cgw__job_free(struct cgw__job *job);

/* systemd.c */
#define CGW_UNIT_TIMEOUT_MS 30000

int cgw__unit_property(struct cgw__bus *b, const char *name, bool own, const char *property,
		       sd_bus_error *error, char **ret_value);
int cgw__unit_group(struct cgw__bus *b, const char *name, const char *what,
		    struct cgw_group **ret_g);
int cgw__unit_stop(struct cgw__bus *b, const char *name, const char *what);
void cgw__unit_reset(struct cgw__bus *b, const char *name);

#endif
