/** What agents on this machine say of their recipients, in the words of the site. */
import assert from 'node:assert/strict'
import { userInfo } from 'node:os'
import { test } from 'node:test'
import { SmtpTalk } from './dialogue.ts'
import { alice, bob, eventually } from './mail-server.ts'
import { arrives, closing, letter, site } from './site.ts'

const talkTo = async (port: number): Promise<SmtpTalk> => {
  const talk = await SmtpTalk.open(port)
  closing(talk)
  return talk
}

test('default_delivery_status_filter: mailboxes, commands of aliases', async (t) => {
  const { server, log } = await site(t, (file) => ({
    mynetworks: '127.0.0.0/8',
    allow_mail_to_commands: 'alias',
    alias_maps: `texthash:${file('aliases', 'broken: "|exit 69"\n')}`,
    mailbox_size_limit: '20000',
    message_size_limit: '15000',
    virtual_delivery_status_filter: '',
    default_delivery_status_filter: `regexp:${file(
      'filter',
      [
        '/^2\\.0\\.0 (delivered to mailbox)$/ 2.1.5 here: $1',
        '/^4\\.2\\.2 mailbox is full$/ 5.2.2 no room for more',
        '/^5\\.3\\.0 (service unavailable)/ 4.3.0 $1, but not for ever',
        '',
      ].join('\n'),
    )}`,
  }))
  const says = (text: RegExp) => eventually(String(text), async () => log.find((line) => text.test(line)))
  const talk = await talkTo(server.ports.smtp)
  const large = `${letter('large')}${'x'.repeat(70)}\r\n`.padEnd(12_000, 'line\r\n')
  await talk.message(bob.address, alice.address, large)
  assert.match(
    await says(/^local: .*to=<alice@/),
    /relay=local, .*dsn=2\.1\.5, status=sent \(here: delivered to mailbox\)$/,
  )
  // It is full behind the next one: RCPT cannot know.
  assert.match(await talk.message(bob.address, alice.address, large), /^250 /)
  assert.match(
    await says(/dsn=5\.2\.2/),
    /to=<alice@example\.org>.*dsn=5\.2\.2, status=bounced \(no room for more\)$/,
  )
  const report = await arrives({ server }, bob, 'Undelivered Mail Returned to Sender')
  assert.match(report, /Status: 5\.2\.2/)
  assert.doesNotMatch(log.join('\n'), /alice@example\.org.*status=deferred/)
  await talk.message(bob.address, 'broken@example.org', letter('to a command'))
  assert.match(
    await says(/to=<broken@|to=<\|exit/),
    /dsn=4\.3\.0, status=deferred \(service unavailable, but not for ever\)$/,
  )
})

test('pipe_delivery_status_filter: of pipe services, and of one alone by -o', async (t) => {
  const service = (name: string, options: string): string =>
    `${name} unix - n n - - pipe ${options} user=${userInfo().username === 'root' ? 'nobody' : userInfo().username} argv=/bin/false\n`
  const { server, log } = await site(
    t,
    (file) => ({
      mynetworks: '127.0.0.0/8',
      transport_maps: `inline:{one.test=first: two.test=second:}`,
      pipe_delivery_status_filter: `regexp:${file('filter', '/^5\\.3\\.0 Command died with status 1/ 4.3.0 not now\n')}`,
    }),
    {
      masterCf: `smtp inet n - n - - smtpd\n${service('first', '')}${service('second', '-o pipe_delivery_status_filter=')}`,
    },
  )
  const talk = await talkTo(server.places.find(({ key }) => key === 'smtp/inet')?.port ?? 0)
  for (const domain of ['one', 'two']) await talk.message(bob.address, `x@${domain}.test`, letter(domain))
  const said = (to: string) => eventually(to, async () => log.find((line) => line.includes(`to=<${to}>`)))
  assert.match(await said('x@one.test'), /relay=first,.*dsn=4\.3\.0, status=deferred \(not now\)$/)
  assert.match(await said('x@two.test'), /relay=second,.*dsn=5\.3\.0, status=bounced \(Command died/)
})
