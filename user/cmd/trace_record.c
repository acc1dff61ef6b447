// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* The file that trace --record keeps events in. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "trace.h"

static int fail(struct trace *tr, int err)
{
	const char *hint = err == EEXIST && !tr->force ? "--force replaces it" : NULL;

	return cmd_error(tr->x, EXIT_REFUSED, strerrorname_np(err), hint,
			 "cannot record to '%s': %s", tr->record, strerror(err));
}

/* The old file stays as it was until the new one has begun. */
static int open_beside(struct trace *tr, char **ret_path)
{
	struct stat st;

	if (!lstat(tr->record, &st) && !S_ISREG(st.st_mode))
		return fail(tr, EEXIST);
	if (asprintf(ret_path, "%s.XXXXXX", tr->record) < 0) {
		*ret_path = NULL;
		return fail(tr, ENOMEM);
	}
	tr->record_fd = mkostemp(*ret_path, O_CLOEXEC);
	return tr->record_fd < 0 ? fail(tr, errno) : 0;
}

/* Make the file, where one is asked for. Only its owner may read it: it tells what others do. */
int record_begin(struct trace *tr)
{
	_cleanup_free_ char *beside = NULL;
	int err, status = 0;

	if (!tr->record)
		return 0;
	if (tr->force)
		status = open_beside(tr, &beside);
	else
		tr->record_fd = open(tr->record, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (status)
		return status;
	if (tr->record_fd < 0)
		return fail(tr, errno);
	signal(SIGXFSZ, SIG_IGN); /* a limit of file sizes is told as one, too */
	err = cgw_recorder_new(tr->x->c, tr->record_fd, &tr->recorder);
	if (!err && beside && rename(beside, tr->record) < 0)
		err = -errno;
	if (!err)
		return 0;
	unlink(beside ? beside : tr->record);
	return fail(tr, -err);
}

/* Return: status, or that of a failure to end the file. */
int record_end(struct trace *tr, int status)
{
	uint64_t lost;
	int err;

	/* After a failure the file is left cut: it does not have all that there was. */
	if (!tr->recorder || status)
		return status;
	err = cgw_recorder_end(tr->recorder);
	if (err)
		return cmd_fail(tr->x, err);
	lost = cgw_recorder_lost(tr->recorder);
	if (!tr->print)
		return 0;
	cmd_note(tr->x, "'%s' has %llu events%s", tr->record,
		 (unsigned long long)cgw_recorder_events(tr->recorder),
		 lost ? ", and others were lost" : "");
	return 0;
}
