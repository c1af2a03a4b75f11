import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openMailFixture } from '../receive/mail-fixture.ts'
import { createTables } from '../tables/index.ts'
import { type CanonicalOptions, createCanonical } from './canonical.ts'
import { createOutgoingRewriting } from './outgoing.ts'

const tables = () => createTables({ log: () => {}, now: () => 0 })
const site = {
  complete: (address: string) => (address.includes('@') ? address : `${address}@o.org`),
  isLocalDomain: (domain: string) => domain === 'o.org',
  delimiter: '+',
}

function rewritten(
  options: CanonicalOptions,
  rows: readonly (readonly [string, string])[],
  role = 'envelope_sender',
) {
  const canonical = createCanonical({ recipientDelimiter: '+', ...options }, tables(), site)
  const rewrite = canonical?.rewrites[role as 'envelope_sender'] ?? ((address: string) => address)
  for (const [from, to] of rows) assert.equal(rewrite(from), to, from)
}

test('canonical(5): lookups, extensions, @domain, repeated until nothing changes', () => {
  const canonicalMaps = [
    'inline:{john=John.Doe,jane+x@o.org=plus@o.org,a@x.net=b@x.net,b@x.net=c@x.net,@old.org=@o.org,me@self.net=me@self.net,@self.net=other@o.org,l1@l.net=l2@l.net,l2@l.net=l1@l.net}',
  ]
  rewritten({ canonicalMaps }, [
    ['john@o.org', 'John.Doe@o.org'],
    ['john+box@o.org', 'John.Doe+box@o.org'],
    ['john@elsewhere.net', 'john@elsewhere.net'],
    ['jane+x@o.org', 'plus@o.org'],
    ['a@x.net', 'c@x.net'],
    ['u+v@old.org', 'u+v@o.org'],
    ['john@old.org', 'John.Doe@o.org'],
    ['me@self.net', 'me@self.net'],
    ['you@self.net', 'other@o.org'],
    ['l1@l.net', 'l1@l.net'],
  ])
})

test('canonical_classes, sender_canonical_maps before canonical_maps, and which role each has', () => {
  const options: CanonicalOptions = {
    senderCanonicalMaps: ['inline:{s@o.org=both@o.org}'],
    recipientCanonicalMaps: ['inline:{r@o.org=both@o.org}'],
    canonicalMaps: ['inline:{both@o.org=end@o.org}'],
  }
  const rows = [
    ['s@o.org', 'end@o.org'],
    ['r@o.org', 'r@o.org'],
  ] as const
  rewritten(options, rows)
  rewritten(options, rows, 'header_sender')
  const mirrored = [
    ['s@o.org', 's@o.org'],
    ['r@o.org', 'end@o.org'],
  ] as const
  rewritten(options, mirrored, 'envelope_recipient')
  rewritten(options, mirrored, 'header_recipient')
  rewritten({ ...options, canonicalClasses: ['header_sender'] }, [['s@o.org', 'both@o.org']])
  assert.equal(createCanonical({}, tables(), site), undefined)
})

test('masquerade_domains, masquerade_exceptions: first that fits, ! spares, recipients of the envelope stay', () => {
  const options: CanonicalOptions = {
    masqueradeDomains: ['foo.example.com', '!bar.example.com', 'example.com'],
    masqueradeExceptions: ['root'],
  }
  rewritten(options, [
    ['u@a.foo.example.com', 'u@foo.example.com'],
    ['u@foo.example.com', 'u@foo.example.com'],
    ['u@h.bar.example.com', 'u@h.bar.example.com'],
    ['u@bar.example.com', 'u@bar.example.com'],
    ['u@Any.Example.Com', 'u@example.com'],
    ['u@notexample.com', 'u@notexample.com'],
    ['Root@any.example.com', 'Root@any.example.com'],
  ])
  rewritten(options, [['u@any.example.com', 'u@any.example.com']], 'envelope_recipient')
})

test('generic(5): envelope and header once, @host wildcard; header in pieces of every size', async () => {
  const maps =
    'inline:{his@localdomain.local=his@isp.example,@localdomain.local=all+x@isp.example,all@isp.example=no@no}'
  const outgoing = createOutgoingRewriting({ genericMaps: [maps] }, tables(), site, () => {})
  assert.ok(outgoing)
  assert.equal(outgoing.address('his@localdomain.local'), 'his@isp.example')
  assert.equal(outgoing.address('her@localdomain.local'), 'all+x@isp.example')
  assert.equal(outgoing.address('u@far.net'), 'u@far.net')
  const text =
    'From: "Hi, s" <his@localdomain.local>\r\nTo: her@localdomain.local,\r\n u@far.net\r\nSubject: his@localdomain.local\r\n\r\nhis@localdomain.local\r\n'
  const expected =
    'From: "Hi, s" <his@isp.example>\r\nTo: all+x@isp.example,\r\n u@far.net\r\nSubject: his@localdomain.local\r\n\r\nhis@localdomain.local\r\n'
  for (const size of [1, 7, 1_000]) {
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < text.length; at += size) yield Buffer.from(text.slice(at, at + size))
    }
    const out: Uint8Array[] = []
    for await (const chunk of outgoing.content(pieces(), 'ID')) out.push(Buffer.from(chunk))
    assert.equal(Buffer.concat(out).toString(), expected)
  }
  assert.equal(
    createOutgoingRewriting({ genericMaps: [] }, tables(), site, () => {}),
    undefined,
  )
})

test('headers of own clients are completed and rewritten, those of strangers are not, the envelope is for all', async () => {
  const mail = await openMailFixture({
    routing: {
      canonicalMaps: ['inline:{al=alice,wild@far.net=tame@far.net}'],
      appendDotMydomain: 'yes',
    },
  })
  const header = 'From: al\r\nTo: b@host, wild@far.net\r\nMessage-ID: <1@x>\r\nDate: x\r\n\r\nx\r\n'
  assert.deepEqual(
    (await mail.say(await mail.session(), 'wild@far.net', ['al@example.org'], header)).slice(-1),
    ['250 2.0.0 Ok: queued as ID'],
  )
  await mail.say(
    await mail.session({ clientAddress: '198.51.100.7' }),
    'wild@far.net',
    ['al@example.org'],
    header,
  )
  const [own = '', strange = ''] = await mail.inbox('alice@example.org')
  assert.match(own, /^Return-Path: <tame@far\.net>\r\n/)
  assert.match(own, /\r\nFrom: alice@example\.org\r\nTo: b@host\.example\.org, tame@far\.net\r\n/)
  assert.match(strange, /^Return-Path: <tame@far\.net>\r\n/)
  assert.match(strange, /\r\nFrom: al\r\nTo: b@host, wild@far\.net\r\n/)
  await mail.close()
})

test('smtp_header_checks: edits of what leaves; nothing there decides about the message', async () => {
  const mail = await openMailFixture({
    files: {
      out: '/^Received:/ IGNORE\n/^Subject: (.*)/ REPLACE Subject: [$1]\n/^X-No/ REJECT no\n/^Content/ IGNORE\n',
    },
  })
  const said: string[] = []
  const options = { genericMaps: [], headerChecks: [`regexp:${mail.folder}/out`] }
  const outgoing = createOutgoingRewriting(options, tables(), site, ({ service, text }) =>
    said.push(`${service} ${text}`),
  )
  async function* content(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(
      'Received: a\r\n b\r\nSubject: x\r\nX-No: 1\r\nContent-Type: text/plain\r\n\r\nReceived: y\r\n',
    )
  }
  const out: Uint8Array[] = []
  for await (const chunk of outgoing?.content(content(), 'ID') ?? []) out.push(chunk)
  assert.equal(
    Buffer.concat(out).toString(),
    'Subject: [x]\r\nX-No: 1\r\nContent-Type: text/plain\r\n\r\nReceived: y\r\n',
  )
  assert.equal(outgoing?.address('u@o.org'), 'u@o.org')
  assert.deepEqual(said, [
    'smtp replace: header Subject: x: Subject: [x]',
    'smtp unsupported command in smtp_header_checks: REJECT',
  ])
  await mail.close()
})
