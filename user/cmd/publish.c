// SPDX-License-Identifier: LGPL-2.1-or-later OR BSD-2-Clause
/* Output for others to fetch: a file that is replaced at once, or one answer over HTTP. */
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "cmd.h"

/* How long one client may take, in and out. */
#define CLIENT_MS 5000

/* Let x->out go to a new file beside the target. Return: 0 or an exit status. */
int publish_begin(struct cmd_ctx *x, const char *target, struct publication *p)
{
	const char *slash = strrchr(target, '/');
	int dir = slash ? (int)(slash + 1 - target) : 0, fd;
	mode_t mask = umask(0);
	FILE *own;

	umask(mask);
	/* A name with a dot first and nothing known last: collectors do not take it. */
	if (asprintf(&p->path, "%.*s.%s.XXXXXX", dir, target, target + dir) < 0) {
		p->path = NULL;
		return cmd_error(x, EXIT_REFUSED, "ENOMEM", NULL, "out of memory");
	}
	fd = mkostemp(p->path, O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0666 & ~mask) < 0 || !(p->saved = fdopen(fd, "w"))) {
		int err = errno;

		if (fd >= 0) {
			unlink(p->path);
			close(fd);
		}
		free(p->path);
		p->path = NULL;
		return cmd_error(x, EXIT_REFUSED, strerrorname_np(err), NULL,
				 "cannot write a file beside '%s': %s", target, strerror(err));
	}
	p->target = target;
	own = x->out.f;
	x->out.f = p->saved;
	p->saved = own;
	return 0;
}

/* Put the file in the place of the target, or take it away where status says it failed. */
int publish_end(struct cmd_ctx *x, struct publication *p, int status)
{
	FILE *f = x->out.f;
	int err;

	if (!p->path)
		return status;
	x->out.f = p->saved;
	err = fflush(f) || ferror(f) ? errno : 0;
	if (fclose(f) && !err)
		err = errno;
	if (!status && !err && rename(p->path, p->target) < 0)
		err = errno;
	if (status || err)
		unlink(p->path);
	if (!status && err)
		status = cmd_error(x, EXIT_REFUSED, strerrorname_np(err), NULL, "cannot write '%s': %s",
				   p->target, strerror(err));
	free(p->path);
	p->path = NULL;
	return status;
}

/* Wait for events of fd until the deadline, negative = no limit. */
static bool ready(int fd, short events, int64_t deadline)
{
	for (;;) {
		int64_t left = deadline < 0 ? -1 : deadline - cmd_now_ms();
		struct pollfd p = { .fd = fd, .events = events };
		int n;

		if (deadline >= 0 && left <= 0)
			return false;
		n = poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

/* "[ADDR:]PORT", ADDR a number, an IPv6 one in brackets; without ADDR only this machine. */
static int open_listener(struct cmd_ctx *x, const char *address, int *ret_fd)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				  .ai_socktype = SOCK_STREAM }, *ai = NULL;
	const char *colon = strrchr(address, ':'), *port = colon ? colon + 1 : address;
	char host[64] = "127.0.0.1";
	size_t len = colon ? (size_t)(colon - address) : 0;
	int err = 0, fd;

	if (len > 1 && address[0] == '[' && address[len - 1] == ']')
		snprintf(host, sizeof(host), "%.*s", (int)len - 2, address + 1);
	else if (colon)
		snprintf(host, sizeof(host), "%.*s", (int)len, address);
	if (!port[0] || port[strspn(port, "0123456789")] || strlen(port) > 5 || atoi(port) > 65535 ||
	    getaddrinfo(host, port, &hints, &ai))
		return cmd_usage(x, "'%s' is not [ADDRESS:]PORT, both as numbers", address);
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) < 0 ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, 16) < 0)
		err = errno;
	freeaddrinfo(ai);
	if (err && fd >= 0)
		close(fd);
	if (err)
		return cmd_error(x, EXIT_REFUSED, strerrorname_np(err), NULL, "cannot listen on %s: %s",
				 address, strerror(err));
	*ret_fd = fd;
	return 0;
}

/* Where it listens: the kernel chose a port for 0. */
static void tell_address(struct cmd_ctx *x, int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char host[64], port[16];

	if (!getsockname(fd, (struct sockaddr *)&addr, &len) &&
	    !getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port, sizeof(port),
			 NI_NUMERICHOST | NI_NUMERICSERV))
		cmd_note(x, strchr(host, ':') ? "listening on [%s]:%s" : "listening on %s:%s", host, port);
}

static bool send_all(int fd, const char *s, size_t len, int64_t deadline)
{
	while (len) {
		ssize_t n = send(fd, s, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN && ready(fd, POLLOUT, deadline))
			continue;
		if (n < 0 && errno != EINTR)
			return false;
		s += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* The client's request up to the empty line. Return: is it whole? */
static bool read_request(int fd, char *buf, size_t size, int64_t deadline)
{
	size_t len = 0;

	while (len < size - 1 && ready(fd, POLLIN, deadline)) {
		ssize_t n = recv(fd, buf + len, size - 1 - len, 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return false;
		len += (size_t)n;
		buf[len] = '\0';
		if (strstr(buf, "\r\n\r\n") || strstr(buf, "\n\n"))
			return true;
	}
	return false;
}

/* What is wrong with the request, as a status line; NULL when it is a scrape. */
static const char *refusal(const char *request)
{
	const char *path = strchr(request, ' ') ? strchr(request, ' ') + 1 : "";
	size_t n = strcspn(path, " ?\r\n");

	if (strncmp(request, "GET ", 4) != 0)
		return "405 Method Not Allowed\r\nAllow: GET";
	if ((n == 1 && path[0] == '/') || (n == 8 && !memcmp(path, "/metrics", 8)))
		return NULL;
	return "404 Not Found";
}

/*
 * Answer one client. Return: 0 when it was a scrape and got all, else CMD_DONE; the exit
 * status of fn when that failed.
 */
static int answer(int fd, const char *type, int64_t deadline, publish_fn fn, void *arg)
{
	_cleanup_free_ char *text = NULL;
	char head[8192];
	const char *no;
	int status = CMD_DONE, n;
	size_t len = 0;

	if (!read_request(fd, head, sizeof(head), deadline))
		return CMD_DONE;
	no = refusal(head);
	if (!no) {
		status = fn(arg, &text, &len);
		if (status)
			no = "500 Internal Server Error";
		/* Reading took its time: that is not the client's fault. */
		deadline = cmd_now_ms() + CLIENT_MS;
	}
	n = snprintf(head, sizeof(head),
		     "HTTP/1.0 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
		     no ? no : "200 OK", no ? "text/plain" : type, len);
	if (!send_all(fd, head, (size_t)n, deadline) || !send_all(fd, text, len, deadline))
		return status ? status : CMD_DONE;
	shutdown(fd, SHUT_WR);
	return status;
}

/*
 * Serve one scrape, then end. Clients that ask for something else are told so; one that is
 * silent, slow or gone is left alone after some seconds.
 */
int publish_http(struct cmd_ctx *x, const char *address, const char *type, int timeout_ms,
		 publish_fn fn, void *arg)
{
	int64_t deadline = timeout_ms < 0 ? -1 : cmd_now_ms() + timeout_ms;
	_cleanup_(cmd_closep) int fd = -EBADF;
	int status = open_listener(x, address, &fd);

	if (status)
		return status;
	tell_address(x, fd);
	while (ready(fd, POLLIN, deadline)) {
		int flags = SOCK_CLOEXEC | SOCK_NONBLOCK;
		_cleanup_(cmd_closep) int client = accept4(fd, NULL, NULL, flags);
		int64_t until = cmd_now_ms() + CLIENT_MS;

		if (client < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
			continue;
		if (client < 0)
			return cmd_error(x, EXIT_REFUSED, strerrorname_np(errno), NULL,
					 "cannot take a client on %s: %s", address, strerror(errno));
		if (deadline >= 0 && deadline < until)
			until = deadline;
		status = answer(client, type, until, fn, arg);
		if (status != CMD_DONE)
			return status;
	}
	return cmd_error(x, EXIT_REFUSED, "ETIMEDOUT", NULL, "nobody asked %s in time", address);
}
