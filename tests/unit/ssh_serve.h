/*
 * ssh_serve.h - for tests: an sshd on loopback, run by the test as its own user with keys and a configuration
 * of its own, and a configuration of ssh with the hosts
 *
 *   web*       that server                       other      the same server, under one more name
 *   unknown    its host key is not known         changed    another key is known for it
 *   refused    it refuses our key                down       nobody listens
 *   deaf       a port that takes no connection   mute       one that takes it and says nothing
 *   few        the server lets a connection have one session
 *
 * There, while the file `hold` is in the folder, cat takes the beginning of its input, makes the file `held` and
 * waits.
 *
 * RUNPLAN_SSH_CONFIG names it. Includes scratch.h: the files lie in its `directory`.
 */
#ifndef SSH_SERVE_H
#define SSH_SERVE_H

#include "tests/unit/scratch.h"

static pid_t ssh_servers[2], ssh_mute;
static int ssh_ports[2];
static struct deaf ssh_deaf;

static const char ssh_set_up[] =
    "[ \"$(id -u)\" != 0 ] || mkdir -p /run/sshd\n"
    "for key in host user stranger; do ssh-keygen -q -t ed25519 -N '' -f $key; done\n"
    "cp user.pub authorized; user=$(id -un)\n"
    "echo 'echo welcome; echo \"good morning\" >&2' >.bashrc\n" /* bash reads it for sshd, and so shells greet
								 */
    "mkdir bin; printf '%s\\n' '#!/bin/sh' 'if [ -e \"$HOME/hold\" ]; then head -c 2; :>\"$HOME/held\"' "
    "  'while [ -e \"$HOME/hold\" ]; do sleep 0.05; done; fi' 'exec /bin/cat \"$@\"' >bin/cat; chmod +x bin/cat\n"
    "for port in $PORT $FEW; do\n"
    "  printf '%s\\n' \"Port $port\" 'ListenAddress 127.0.0.1' \"HostKey $PWD/host\" \"PidFile none\" "
    "  \"AuthorizedKeysFile $PWD/authorized\" 'PasswordAuthentication no' 'KbdInteractiveAuthentication no' "
    "  'UsePAM no' 'StrictModes no' 'PermitRootLogin prohibit-password' 'MaxStartups 1000' \"SetEnv "
    "HOME=$PWD PATH=$PWD/bin:/usr/bin:/bin\" "
    "  \"$([ $port = $FEW ] && echo MaxSessions 1)\" >sshd.$port\n"
    "done\n"
    "key=$(cut -d' ' -f1,2 host.pub); other=$(cut -d' ' -f1,2 stranger.pub); :>none\n"
    "for port in $PORT $FEW; do echo \"[127.0.0.1]:$port $key\"; done >known\n"
    "echo \"[127.0.0.1]:$PORT $other\" >wrong\n"
    "printf '%s\\n' 'Host unknown' \" UserKnownHostsFile $PWD/none\" 'Host changed' "
    "  \" UserKnownHostsFile $PWD/wrong\" 'Host refused' \" IdentityFile $PWD/stranger\""
    " 'Host down' ' Port "
    "1' "
    "  'Host deaf' \" Port $DEAF\" 'Host mute' \" Port $MUTE\" 'Host few' \" Port $FEW\" 'Host *' "
    "  ' HostName 127.0.0.1' \" Port $PORT\" \" User $user\" ' IdentitiesOnly "
    "yes' "
    "  \" UserKnownHostsFile $PWD/known\" ' GlobalKnownHostsFile /dev/null' ' RemoteCommand date' "
    "  ' ControlMaster auto' \" ControlPath $PWD/%h\" ' IdentityAgent none' ' LocalForward 1 [::1]:1' 'Host "
    "* !refused' \" IdentityFile $PWD/user\" >config\n";

/* Starts them; false where that could not be. */
static inline bool ssh_serve(void)
{
	struct canned mute = {.silent = true, .hangs = true};
	char text[12];
	int port;

	ssh_deaf = servers_deaf();
	ssh_mute = servers_canned(&mute, &port);
	snprintf(text, sizeof text, "%d", port);
	setenv("MUTE", text, 1);
	snprintf(text, sizeof text, "%d", ssh_deaf.port);
	setenv("DEAF", text, 1);
	for (int i = 0; i < 2; i++) {
		ssh_ports[i] = servers_free_port();
		snprintf(text, sizeof text, "%d", ssh_ports[i]);
		setenv(i == 0 ? "PORT" : "FEW", text, 1);
	}
	if (!servers_shell(directory, ssh_set_up))
		return false;
	for (int i = 0; i < 2; i++) {
		char config[200], log[200];
		const char *argv[] = {"/usr/sbin/sshd", "-D", "-E", log, "-f", config, NULL};

		snprintf(config, sizeof config, "%s/sshd.%d", directory, ssh_ports[i]);
		snprintf(log, sizeof log, "%s/sshd.%d.log", directory, ssh_ports[i]);
		ssh_servers[i] = servers_start(directory, ssh_ports[i], argv);
		if (ssh_servers[i] < 0)
			return false;
	}
	setenv("RUNPLAN_SSH_CONFIG", in_directory("config"), 1);
	return true;
}

static inline void ssh_serve_end(void)
{
	servers_stop(ssh_servers[0]);
	servers_stop(ssh_servers[1]);
	servers_stop(ssh_mute);
	servers_undeaf(&ssh_deaf);
}

/* How many connections the first server has let in until now. */
static inline int ssh_accepted(void)
{
	char path[200], line[1000];
	int count = 0;
	FILE *log;

	snprintf(path, sizeof path, "%s/sshd.%d.log", directory, ssh_ports[0]);
	log = fopen(path, "r");
	while (log != NULL && fgets(line, sizeof line, log) != NULL)
		count += strncmp(line, "Accepted ", 9) == 0;
	if (log != NULL)
		fclose(log);
	return count;
}

#endif
