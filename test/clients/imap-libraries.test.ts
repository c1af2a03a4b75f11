import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { MailServer } from '@posthorn/server'
import { ImapFlow } from 'imapflow'
import { alice, bob, eventually, startForClients } from './mail-server.ts'
import { mustRun } from './run-client.ts'

let server: MailServer

before(async () => {
  server = await startForClients()
})
after(async () => await server.stop())

const letter = (subject: string, body = 'text'): string =>
  `From: "Bob" <bob@example.org>\r\nTo: alice@example.org\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@example.org>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0100\r\n\r\n${body}\r\n`

const parts = [
  'From: bob@example.org',
  'Subject: =?utf-8?q?zwei_=C3=84pfel?=',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/plain; charset=iso-8859-1',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'sch=F6n',
  '--b',
  'Content-Type: application/octet-stream; name="=?utf-8?q?=C3=A4.bin?="',
  'Content-Disposition: attachment; filename="=?utf-8?q?=C3=A4.bin?="',
  'Content-Transfer-Encoding: base64',
  '',
  Buffer.alloc(50_000, 7).toString('base64').replace(/.{76}/g, '$&\r\n'),
  '--b--',
  '',
].join('\r\n')

async function connected(
  login: { readonly address: string; readonly password: string },
  options: { readonly qresync?: boolean; readonly disableCompression?: boolean } = {},
): Promise<ImapFlow> {
  const client = new ImapFlow({
    host: '127.0.0.1',
    port: server.ports.imaps,
    secure: true,
    tls: { rejectUnauthorized: false },
    auth: { user: login.address, pass: login.password },
    logger: false,
    ...options,
  })
  await client.connect()
  return client
}

test('imapflow: mailboxes with any name come, move, are subscribed, counted and go', async () => {
  const client = await connected(alice)
  const name = 'Über/Käse & Brot'
  assert.equal((await client.mailboxCreate(name)).created, true)
  assert.equal((await client.mailboxCreate(name)).created, false)
  await client.append(name, letter('one'))
  await client.append(name, letter('two'), ['\\Seen'])
  const listed = await client.list({ statusQuery: { messages: true, unseen: true, uidNext: true } })
  const found = listed.find(({ path }) => path === name)
  assert.deepEqual([found?.status?.messages, found?.status?.unseen, found?.status?.uidNext], [2, 1, 3])
  for (const use of ['\\Drafts', '\\Sent', '\\Junk', '\\Trash', '\\Archive'])
    assert.ok(
      listed.some(({ specialUse }) => specialUse === use),
      use,
    )
  const tree = await client.listTree()
  assert.ok(tree.folders?.some(({ path }) => path === 'Über'))
  assert.ok(await client.mailboxSubscribe(name))
  assert.ok((await client.list()).find(({ path }) => path === name)?.subscribed)
  assert.ok(await client.mailboxUnsubscribe(name))
  await client.mailboxRename(name, 'Über/日本語')
  const status = await client.status('Über/日本語', {
    messages: true,
    uidValidity: true,
    size: true,
  } as never)
  assert.equal(status !== false && status.messages, 2)
  assert.equal((await client.mailboxDelete('Über/日本語')).path, 'Über/日本語')
  assert.ok(!(await client.list()).some(({ path }) => path === 'Über/日本語'))
  const quota = await client.getQuota('INBOX')
  assert.ok(quota === false || quota.path === 'INBOX')
  await client.noop()
  await client.logout()
})

for (const compression of ['compressed', 'not compressed'] as const) {
  test(`imapflow: fetch, download, search, flags, copy, move and delete, ${compression}`, async () => {
    const client = await connected(bob, { disableCompression: compression === 'not compressed' })
    const box = `Work ${compression}`
    await client.mailboxCreate(box)
    await client.append(box, parts, ['$Label1'], new Date('2026-11-20T01:02:03Z'))
    for (const subject of ['alpha', 'beta', 'gamma']) await client.append(box, letter(subject))
    const lock = await client.getMailboxLock(box)
    try {
      const message = await client.fetchOne(
        '1',
        {
          envelope: true,
          bodyStructure: true,
          flags: true,
          internalDate: true,
          size: true,
          uid: true,
          threadId: true,
          headers: true,
          bodyParts: ['1', '2.mime', { key: 'text', start: 0, maxLength: 10 }],
        },
        { uid: true },
      )
      assert.ok(message)
      assert.equal(message.envelope?.subject, 'zwei Äpfel')
      assert.equal(message.size, Buffer.byteLength(parts))
      assert.equal(message.bodyParts?.get('1')?.toString(), 'sch=F6n')
      assert.equal(message.bodyParts?.get('text')?.length, 10)
      assert.ok(message.emailId)
      const text = await client.download('1', '1', { uid: true })
      assert.equal(Buffer.concat(await Array.fromAsync(text.content!)).toString(), 'schön')
      const attachment = await client.download('1', '2', { uid: true, chunkSize: 1000 })
      assert.equal(attachment.meta?.filename, 'ä.bin')
      assert.equal(Buffer.concat(await Array.fromAsync(attachment.content!)).length, 50_000)
      const many = await client.downloadMany('1', ['1', '2'], { uid: true })
      assert.equal((many as Record<string, { content: Buffer }>)['2']?.content.length, 50_000)
      const search = async (query: Parameters<ImapFlow['search']>[0]) =>
        await client.search(query, { uid: true })
      assert.deepEqual(await search({ subject: 'äpfel' }), [1])
      assert.deepEqual(await search({ or: [{ subject: 'alpha' }, { subject: 'gamma' }] }), [2, 4])
      assert.deepEqual(await search({ not: { header: { 'Message-ID': 'beta' } }, smaller: 1000 }), [2, 4])
      assert.deepEqual(await search({ since: '2026-11-21', keyword: '$Label1' }), [])
      assert.deepEqual(await search({ emailId: message.emailId! }), [1])
      assert.ok(await client.messageFlagsAdd({ subject: 'alpha' }, ['\\Flagged', 'Urgent']))
      assert.ok(await client.setFlagColor('3', 'green', { uid: true }))
      assert.ok(await client.messageFlagsRemove('1', ['$Label1'], { uid: true }))
      const flags = (await client.fetchAll('1:*', { flags: true })).map((each) => [...each.flags!].sort())
      assert.deepEqual(flags[1], ['Urgent', '\\Flagged'])
      assert.ok(flags[2]?.includes('\\Flagged'))
      const copied = await client.messageCopy('2:3', 'Archive', { uid: true })
      assert.equal(copied !== false && copied.uidMap?.size, 2)
      const moved = await client.messageMove({ subject: 'gamma' }, 'Trash', { uid: true })
      assert.equal(moved !== false && moved.uidMap?.size, 1)
      assert.ok(await client.messageDelete('1', { uid: true }))
      assert.deepEqual(await search({ all: true }), [2, 3])
      assert.equal(client.mailbox !== false && client.mailbox.exists, 2)
    } finally {
      lock.release()
    }
    await client.logout()
  })
}

test('imapflow: while idling it hears of new mail, flags and what went; QRESYNC tells what was missed', async () => {
  const watcher = await connected(alice, { qresync: true })
  const other = await connected(alice)
  const heard: string[] = []
  watcher.on('exists', ({ count }) => heard.push(`exists ${count}`))
  watcher.on('flags', ({ flags }) => heard.push(`flags ${[...(flags ?? [])].join()}`))
  watcher.on('expunge', () => heard.push('expunge'))
  await watcher.mailboxOpen('INBOX')
  const idling = watcher.idle()
  await other.mailboxOpen('INBOX')
  await other.append('INBOX', letter('news'))
  await eventually('news of mail', async () => heard.includes('exists 1') || undefined)
  await other.messageFlagsAdd('1', ['\\Flagged'])
  await eventually('news of flags', async () => heard.some((line) => line.includes('\\Flagged')) || undefined)
  await other.messageDelete('1')
  await eventually('news of the expunge', async () => heard.includes('expunge') || undefined)
  await watcher.noop()
  await idling
  const state = watcher.mailbox
  assert.ok(state !== false && state.highestModseq !== undefined)
  await watcher.mailboxClose()
  await other.append('INBOX', letter('later'), ['\\Seen'])
  await watcher.mailboxOpen('INBOX')
  const changed = await watcher.fetchAll(
    '1:*',
    { flags: true, uid: true },
    { changedSince: state.highestModseq },
  )
  assert.deepEqual(
    changed.map(({ uid }) => uid),
    [2],
  )
  await watcher.logout()
  await other.logout()
})

test('Perl Mail::IMAPClient: plain, STARTTLS and TLS; mailboxes, messages, flags, search, sort, thread, idle', async () => {
  const script = `
use strict; use warnings; use Mail::IMAPClient; use IO::Socket::SSL;
my ($plain, $secure, $user, $password) = @ARGV;
my @tls = (SSL_verify_mode => IO::Socket::SSL::SSL_VERIFY_NONE());
my $n = 0;
for my $how ([Port => $plain], [Port => $plain, Starttls => [@tls]], [Port => $secure, Ssl => [@tls]]) {
  my $c = Mail::IMAPClient->new(Server => '127.0.0.1', @$how, User => $user, Password => $password,
    Uid => 1, Peek => 1, Clear => 5) or die "connect: $@";
  my $box = 'Perl' . $n++;
  my $must = sub { my ($name, @args) = @_; my @r = $c->$name(@args); die "$name: " . $c->LastError if !@r || !defined $r[0]; return wantarray ? @r : $r[0] };
  die 'no UIDPLUS' unless $c->has_capability('UIDPLUS');
  $must->('create', $box); $must->('select', $box);
  my $text = "From: a\\@example.org\r\nSubject: perl %s\r\nMessage-ID: <p%s\\@x>\r\n\r\nbody %s\r\n";
  my @uids = map { $must->('append_string', $box, sprintf($text, $_, $_, $_), '\\Seen') } 1 .. 5;
  die "uids @uids" unless "@uids" eq '1 2 3 4 5';
  die 'count' unless $c->message_count($box) == 5;
  die 'subject' unless $c->subject(3) eq 'perl 3';
  my $string = $c->message_string(2); my $sent = sprintf($text, 2, 2, 2); $string =~ s/\\r//g; $sent =~ s/\\r//g;
  die "string <$string> <$sent>" unless $string eq $sent;
  die 'search' unless join(',', $c->search(SUBJECT => 'perl 4')) eq '4';
  die 'sort' unless join(',', $c->sort('REVERSE SUBJECT', 'UTF-8', 'ALL')) eq '5,4,3,2,1';
  my $threads = $c->thread('REFERENCES', 'UTF-8', 'ALL'); die 'thread' unless @$threads == 5;
  $must->('set_flag', 'Flagged', [1, 2]); die 'flagged' unless join(',', $c->search('FLAGGED')) eq '1,2';
  die 'unseen' if $c->unseen_count; $must->('deny_seeing', 5); die 'unseen' unless $c->unseen_count == 1;
  my $h = $c->fetch_hash('FLAGS', 'RFC822.SIZE', 'INTERNALDATE'); die 'hash' unless keys %$h == 5 && $h->{1}{FLAGS} =~ /Flagged/;
  my $p = $c->parse_headers([1, 2], 'Subject', 'Message-ID'); die 'headers' unless $p->{2}{Subject}[0] eq 'perl 2';
  my $e = $c->get_envelope(1); die 'envelope' unless $e->subject eq 'perl 1';
  my $s = $c->get_bodystructure(1); die 'structure' unless $s->bodytype eq 'TEXT';
  $must->('copy', 'Archive', 1); $must->('move', 'Trash', 2); $must->('delete_message', 3); $must->('expunge');
  die 'left ' . join(',', $c->messages) unless join(',', $c->messages) eq '1,4,5';
  my $tag = $must->('idle'); $must->('done', $tag);
  die 'folders' unless grep { $_ eq $box } $c->folders;
  $must->('subscribe', $box); die 'lsub' unless grep { $_ eq $box } $c->subscribed;
  $must->('rename', $box, "$box renamed"); $must->('close') ; $must->('delete', "$box renamed");
  $must->('logout');
}
print "done\n";`
  const { stdout } = await mustRun('perl', [
    '-e',
    script,
    String(server.ports.imap),
    String(server.ports.imaps),
    bob.address,
    bob.password,
  ])
  assert.match(stdout, /done/)
})
