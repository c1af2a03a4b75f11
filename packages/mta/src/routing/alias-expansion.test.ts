import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { type FixtureOptions, openMailFixture } from '../receive/mail-fixture.ts'
import { routes } from './routing-fixture.ts'

test('virtual(5): recursion, self, catch-all, extensions, loops, limits', async () => {
  const many = Array.from({ length: 30 }, (_, i) => `u${i}@far.net`).join(' ')
  const options: FixtureOptions = {
    routing: {
      virtualAliasMaps: [
        `inline:{a@v.net=b@v.net,b@v.net=alice,{self@example.org=self@example.org alice},@v.net=bob,ext@v.net=alice,@mapped.net=@far.net,l1@v.net=l2@v.net,l2@v.net=l1@v.net,{many@v.net=${many}},bare=bob}`,
      ],
      virtualAliasDomains: ['v.net', 'mapped.net'],
      expansionLimit: 20,
    },
    accounts: ['alice@example.org', 'bob@example.org', 'self@example.org'],
  }
  await routes(options, [
    ['a@v.net', ['alice@example.org → mailbox']],
    ['self@example.org', ['self@example.org → mailbox', 'alice@example.org → mailbox']],
    ['other@v.net', ['bob@example.org → mailbox']],
    ['ext+box@v.net', ['alice+box@example.org → mailbox']],
    ['x+y@mapped.net', ['x+y@far.net → smtp:far.net']],
    ['bare@example.org', ['bob@example.org → mailbox']],
  ])
  for (const [address, message] of [
    ['l1@v.net', 'unreasonable virtual_alias_maps map nesting for l1@v.net'],
    ['many@v.net', 'unreasonable virtual_alias_maps map expansion size for many@v.net'],
  ] as const)
    await assert.rejects(routes(options, [[address, []]]), { name: 'AliasLimitError', message })
})

const aliases = `
# system mail
root: root, dmtsai
postmaster: root
staff: alice, bob,
   carol@far.net, "Dave D." <dave@far.net>
ghost: alice@far.net
dup: alice, staff, ALICE@example.org
l1: l2
l2: l1
alice2: alice2
list: alice, carol@far.net
owner-list: bob
included: :include:$FOLDER/members
pipe: "|/usr/bin/prog -x", bob
onlypipe: |/usr/bin/prog
tofile: /var/mail/x
null: /dev/null
missing: :include:$FOLDER/none
partly: :include:$FOLDER/none, bob
circle: circle2, bob
circle2: circle, alice
keeper: keeper, bob
empty:
hollow: ,
plus+ext: bob
toward: \\alice
`

test('aliases(5): groups, self reference, external, owner-, :include:, refusals, loops, limits', async () => {
  const options: FixtureOptions = {
    accounts: ['alice@example.org', 'bob@example.org', 'root@example.org', 'dmtsai@example.org'],
    files: { aliases, members: '# members\nbob, erin@far.net\n\nalice\n"|x"\n:include:$FOLDER/members\n' },
    routing: { aliasMaps: ['hash:$FOLDER/aliases'], expansionLimit: 30 },
  }
  await aliasRoutes(options, [
    ['root@example.org', ['root@example.org → mailbox', 'dmtsai@example.org → mailbox']],
    ['root@localhost', ['root@example.org → mailbox', 'dmtsai@example.org → mailbox']],
    ['Postmaster', ['root@example.org → mailbox', 'dmtsai@example.org → mailbox']],
    ['mailer-daemon@example.org', ['root@example.org → mailbox', 'dmtsai@example.org → mailbox']],
    [
      'staff@example.org',
      [
        'alice@example.org → mailbox',
        'bob@example.org → mailbox',
        'carol@far.net → smtp:far.net',
        'dave@far.net → smtp:far.net',
      ],
    ],
    ['ghost@example.org', ['alice@far.net → smtp:far.net']],
    [
      'dup@example.org',
      [
        'alice@example.org → mailbox',
        'bob@example.org → mailbox',
        'carol@far.net → smtp:far.net',
        'dave@far.net → smtp:far.net',
      ],
    ],
    [
      ['alice', 'bob', 'staff'],
      [
        'alice@example.org → mailbox',
        'bob@example.org → mailbox',
        'carol@far.net → smtp:far.net',
        'dave@far.net → smtp:far.net',
      ],
    ],
    ['l1@example.org', ['l1@example.org → local:5.4.6 alias database loop for l1@example.org']],
    // local(8): its own name is the user's, and there is none.
    ['alice2@example.org', ['alice2@example.org → local:5.1.1 unknown user: "alice2"']],
    [
      'list@example.org',
      ['alice@example.org → mailbox', 'carol@far.net → smtp:far.net from owner-list@example.org'],
    ],
    [
      'included@example.org',
      ['bob@example.org → mailbox', 'erin@far.net → smtp:far.net', 'alice@example.org → mailbox'],
    ],
    ['pipe@example.org', ['bob@example.org → mailbox']],
    ['onlypipe@example.org', ['onlypipe@example.org → local:5.7.1 mail to command is restricted']],
    ['tofile@example.org', ['tofile@example.org → local:5.7.1 mail to file is restricted']],
    ['null@example.org', []],
    ['missing@example.org', ['missing@example.org → local:5.3.5 mail system configuration error']],
    [
      'partly@example.org',
      ['partly@example.org → local:5.3.5 mail system configuration error', 'bob@example.org → mailbox'],
    ],
    ['"bob+a..b"@example.org', ['"bob+a..b"@example.org → mailbox']],
    ['"bob+x y"@example.org', ['"bob+x y"@example.org → mailbox']],
    ['circle@example.org', ['bob@example.org → mailbox', 'alice@example.org → mailbox']],
    ['keeper@example.org', ['bob@example.org → mailbox']],
    // postalias(1) passes over a line without a value.
    ['empty@example.org', ['empty@example.org → local:5.1.1 unknown user: "empty"']],
    ['hollow@example.org', ['hollow@example.org → local:5.3.5 alias leads to no usable destination']],
    ['plus+ext@example.org', ['bob@example.org → mailbox']],
    [
      'staff+x@example.org',
      [
        'alice@example.org → mailbox',
        'bob@example.org → mailbox',
        'carol@far.net → smtp:far.net',
        'dave@far.net → smtp:far.net',
      ],
    ],
    ['toward@example.org', ['alice@example.org → mailbox']],
  ])
})

async function aliasRoutes(options: FixtureOptions, cases: Parameters<typeof routes>[1]) {
  const lines = await routes(options, cases)
  assert.ok(lines.some((line) => /alias pipe: mail to command is restricted/.test(line)))
  assert.ok(lines.some((line) => /includes itself; ignored/.test(line)))
  assert.ok(lines.some((line) => /cannot use :include:.*no such file/.test(line)))
}

test('aliases(5): commands and files where allow_mail_to_* permits; bounces keep the null sender', async () => {
  const options: FixtureOptions = {
    files: { aliases: 'cmd: "|/bin/x a"\nfil: /var/x\nlist: carol@far.net\nowner-list: bob\n' },
    routing: {
      aliasMaps: ['hash:$FOLDER/aliases'],
      allowMailToCommands: ['alias'],
      allowMailToFiles: ['alias'],
    },
  }
  await routes(
    options,
    [
      ['cmd', ['cmd@example.org → pipe:/bin/x a']],
      ['fil', ['fil@example.org → file:/var/x']],
      ['list', ['carol@far.net → smtp:far.net']],
    ],
    '',
  )
})

test('what is forwarded carries Delivered-To, and where it came from', async () => {
  const mail = await openMailFixture({
    files: { aliases: 'list: carol@far.net, bob\n' },
    routing: { aliasMaps: ['hash:$FOLDER/aliases'] },
  })
  const planned = await mail.routing.plan([{ address: 'list', notify: ['FAILURE'] }], 'x@y.z', 7)
  const byAddress = new Map(planned.map(({ recipient }) => [recipient.address, recipient]))
  const remote = byAddress.get('carol@far.net')
  assert.equal(
    remote?.route.kind === 'queued' && Buffer.from(remote.route.prefix ?? []).toString(),
    'Delivered-To: list@example.org\r\n',
  )
  assert.equal(remote?.originalRecipient, 'rfc822;list@example.org')
  assert.deepEqual(remote?.notify, ['FAILURE'])
  const local = byAddress.get('bob@example.org')
  assert.equal(
    local?.route.kind === 'mailbox' && Buffer.from(local.route.prefix).toString(),
    'Return-Path: <x@y.z>\r\nX-Original-To: list@example.org\r\nDelivered-To: list@example.org\r\n',
  )
  await mail.close()
})

test('a list of thousands is followed in many turns: others have theirs', async () => {
  const addresses = Array.from({ length: 20_000 }, (_, n) => `u${n}@far${n % 50}.net`)
  const mail = await openMailFixture({
    files: {
      aliases: `all: ${addresses.join(', ')}\nlines: :include:$FOLDER/list\n`,
      list: addresses.join('\n'),
    },
    routing: {
      aliasMaps: ['hash:$FOLDER/aliases'],
      virtualAliasMaps: [`inline:{{virtual@example.org=${addresses.join(' ')}}}`],
      expansionLimit: 30_000,
    },
  })
  try {
    for (const to of [['all@example.org'], ['lines@example.org'], ['virtual@example.org'], addresses]) {
      const plan = mail.routing.plan(
        to.map((address) => ({ address })),
        'carol@sender.net',
        5,
      )
      let isOver = false
      const over = plan.finally(() => {
        isOver = true
      })
      let turns = 0
      for (; !isOver; turns++) await setImmediate()
      const planned = await over
      assert.deepEqual(
        planned.map(({ recipient }) => recipient.address),
        addresses,
      )
      assert.ok(turns >= 3, `${to.length} in ${turns} turns`)
    }
  } finally {
    await mail.close()
  }
})
