import { exit } from '../../shell.ts'

interface Instead {
  readonly text: string
  /** 0: there is nothing to do, and what calls it every night should go on. */
  readonly exitCode: number
}

const done = (text: string): Instead => ({ text, exitCode: exit.ok })
const other = (text: string): Instead => ({ text, exitCode: exit.unavailable })

/** Subcommands that Dovecot has and that are done otherwise here, or need not be done. */
export const elsewhere: Readonly<Record<string, Instead>> = {
  'auth cache': other('a changed password counts at once; nothing is to be flushed'),
  'auth login': other('`doveadm auth test`'),
  'auth lookup': other('`doveadm user`'),
  acl: other('`posthorn acl list|set|delete`'),
  altmove: other('there is one storage'),
  backup: other('`posthorn backup`; of one user `posthorn export maildir`'),
  batch: other('call one after the other'),
  config: other('`doveconf`'),
  deduplicate: other('not done here; `posthorn import` brings no message twice'),
  dict: other('there are no dictionaries'),
  director: other('one host serves all users; workers share the store'),
  dump: other('`posthorn store check`'),
  exec: other('programs are called by their names'),
  fetch: other('not done here: `doveadm search` finds, IMAP FETCH or `posthorn export maildir` reads'),
  'force-resync': done(
    'the index follows each change; `posthorn store check` looks, `posthorn store rebuild` makes it anew',
  ),
  fs: other('`posthorn store`'),
  help: other('`doveadm` shows what is there, `posthorn --help` the rest'),
  import: other('`posthorn import maildir|mbox|imap`'),
  index: done('messages are indexed as they come'),
  instance: other('each main.cf is one: `doveadm -c FILE`'),
  'log errors': other('`posthorn log`'),
  'mailbox cache': other('there is none to be purged'),
  'mailbox metadata': other('IMAP GETMETADATA and SETMETADATA'),
  'mailbox path': other('mailboxes are in the store, not in folders; `posthorn export maildir` writes them'),
  'mailbox update': other('UIDs are the store’s; `posthorn import` keeps those of another server'),
  penalty: other('`posthorn log`; auth_failure_delay and auth_failure_limit'),
  process: other('`posthorn status`'),
  proxy: other('`posthorn who`, `posthorn kick`'),
  purge: done(
    'the server takes the space of removed messages back by itself; `posthorn store compact` does it now',
  ),
  'quota recalc': done('what is used is counted with each change'),
  replicator: other('`posthorn backup`'),
  save: other('`sendmail`, or IMAP APPEND'),
  service: other('`posthorn status`'),
  sis: other('a message for many is kept once'),
  stats: other('`posthorn stats`'),
  sync: other('`posthorn import imap`, `posthorn export maildir`'),
}
