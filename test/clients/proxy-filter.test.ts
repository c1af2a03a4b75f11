/** SMTPD_PROXY_README: a content filter before the queue, as Amavis, ASSP and clamsmtp are set up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SmtpTalk } from './dialogue.ts'
import { followGuide, subjectsOf } from './guide.ts'
import { alice, bob } from './mail-server.ts'
import { startFilter } from './stand-in-filter.ts'

/** As SMTPD_PROXY_README has it, with the after-filter service of its example. */
const masterCf = (port: number, more = ''): string => `
smtp      inet  n       -       n       -       20      smtpd
        -o smtpd_proxy_filter=127.0.0.1:${port}
        -o smtpd_client_connection_count_limit=10
${more}
127.0.0.1:10026 inet n  -       n       -        -      smtpd
        -o smtpd_authorized_xforward_hosts=127.0.0.0/8
        -o smtpd_client_restrictions=
        -o smtpd_helo_restrictions=
        -o smtpd_sender_restrictions=
        -o smtpd_relay_restrictions=
        -o smtpd_recipient_restrictions=permit_mynetworks,reject
        -o smtpd_data_restrictions=
        -o mynetworks=127.0.0.0/8
        -o receive_override_options=no_unknown_recipient_checks
`
const mainCf = `myhostname = mail.example.org
mydestination = example.org
mynetworks = 192.0.2.0/24
virtual_alias_maps = inline:{ both@example.org=alice@example.org }
`
const offersForwarding = '250-filter\r\n250-XFORWARD NAME ADDR PROTO HELO SOURCE PORT\r\n250 8BITMIME'

for (const options of ['', '        -o smtpd_proxy_options=speed_adjust'])
  test(`SMTPD_PROXY_README: the filter's answers are the client's${options === '' ? '' : ', speed_adjust'}`, async (t) => {
    let back = 0
    const filter = await startFilter(t, {
      ehlo: offersForwarding,
      judge: async (message) => {
        if (message.includes('EICAR')) return '554 5.7.0 Reject, id=1 - INFECTED'
        const talk = await SmtpTalk.open(back)
        await talk.say('XFORWARD NAME=[UNAVAILABLE] ADDR=127.0.0.1')
        await talk.say('MAIL FROM:<c@far.test>')
        await talk.say('RCPT TO:<both@example.org>')
        await talk.say('DATA')
        const said = await talk.octets(Buffer.from(`X-Scanned: yes\r\n${message}\r\n.\r\n`, 'latin1'))
        await talk.say('QUIT')
        return said.replace('250 2.0.0 Ok', '250 2.0.0 from MTA').trim()
      },
    })
    const site = await followGuide(t, { mainCf, masterCf: masterCf(filter.port, options) })
    back = site.portOf('127.0.0.1:10026')
    const talk = await site.talk('smtp')
    await talk.say('MAIL FROM:<c@far.test> BODY=8BITMIME')
    assert.match(await talk.say('RCPT TO:<nobody@example.org>'), /^550 5\.1\.1/, 'ours comes first')
    assert.match(await talk.say('RCPT TO:<both@example.org>'), /^250/)
    assert.match(await talk.say('DATA'), /^354 /)
    const message = 'Subject: clean\r\n\r\n..dot\r\n..\r\nlast\r\n'
    assert.match(await talk.say(`${message}.`), /^250 2\.0\.0 from MTA: queued as /)
    assert.deepEqual(await subjectsOf(site, alice, 'clean'), ['clean'])
    assert.match(
      await talk.message('c@far.test', bob.address, 'Subject: EICAR\r\n\r\nx\r\n'),
      /^554 5\.7\.0 Reject, id=1/,
    )
    const lines = filter.heard.filter((line) => line !== 'QUIT' && line !== '(closed)')
    assert.deepEqual(lines.slice(0, 6), [
      'EHLO mail.example.org',
      lines[1] ?? '',
      'XFORWARD PROTO=ESMTP HELO=client.example.net SOURCE=LOCAL',
      'MAIL FROM:<c@far.test> BODY=8BITMIME',
      'RCPT TO:<both@example.org>',
      'DATA',
    ])
    assert.match(lines[1] ?? '', /^XFORWARD NAME=\[UNAVAILABLE\] ADDR=127\.0\.0\.1 PORT=\d+$/)
    const logged = site.log.filter((line) => /proxy-(?:accept|reject)/.test(line))
    assert.match(
      logged[0] ?? '',
      /NOQUEUE: proxy-accept: END-OF-MESSAGE from unknown\[127\.0\.0\.1\]: 250 2\.0\.0 from MTA: queued as \w+; from=<c@far\.test> to=<both@example\.org> proto=ESMTP helo=<client\.example\.net>$/,
    )
    assert.match(
      logged[1] ?? '',
      /proxy-reject: END-OF-MESSAGE .* 554 5\.7\.0 Reject, id=1 - INFECTED; from=/,
    )
    assert.ok(site.log.some((line) => line.endsWith('NOQUEUE: client=unknown[127.0.0.1]')))
  })

test('SMTPD_PROXY_README: what the filter says to MAIL, RCPT and DATA', async (t) => {
  const answers: Record<string, string> = {
    'RCPT TO:<bob@example.org>': '450 4.2.1 not now',
    'MAIL FROM:<bad@far.test>': '550 5.7.1 not you',
  }
  const filter = await startFilter(t, {
    answer: (line) => answers[line],
    judge: () => '250 kept',
  })
  const site = await followGuide(t, { mainCf, masterCf: masterCf(filter.port) })
  const talk = await site.talk('smtp')
  await talk.say('MAIL FROM:<bad@far.test>')
  assert.match(await talk.say(`RCPT TO:<${alice.address}>`), /^550 5\.7\.1 not you/)
  await talk.say('RSET')
  await talk.say('MAIL FROM:<c@far.test>')
  assert.match(await talk.say(`RCPT TO:<${bob.address}>`), /^450 4\.2\.1 not now/)
  assert.match(await talk.say('DATA'), /^554 5\.5\.1/)
  assert.match(await talk.say(`RCPT TO:<${alice.address}>`), /^250 2\.1\.5 Ok/)
  answers['DATA'] = '451 4.3.2 busy'
  assert.match(await talk.say('DATA'), /^451 4\.3\.2 busy/)
  await talk.say('RSET')
  delete answers['DATA']
  assert.match(await talk.message('c@far.test', alice.address, 'Subject: x\r\n\r\nx\r\n'), /^250 kept/)
})

test('SMTPD_PROXY_README: no filter, a filter that goes, a client that goes', async (t) => {
  const filter = await startFilter(t, { judge: () => '250 kept' })
  const gone = await startFilter(t, {
    answer: (line) => (line === 'DATA' ? 'nonsense' : undefined),
    judge: () => '',
  })
  const extra = `${gone.port}`
  const site = await followGuide(t, {
    mainCf,
    masterCf: `${masterCf(filter.port)}
2525 inet n - n - - smtpd
  -o smtpd_proxy_filter=127.0.0.1:1
2526 inet n - n - - smtpd
  -o smtpd_proxy_filter=127.0.0.1:${extra}
`,
  })
  const dead = await site.talk('2525')
  await dead.say('MAIL FROM:<c@far.test>')
  assert.match(await dead.say(`RCPT TO:<${alice.address}>`), /^451 4\.3\.0 Error: queue file write error/)
  assert.ok(
    site.log.some((line) =>
      /proxy filter: connect to 127\.0\.0\.1\[127\.0\.0\.1\]:1: Connection refused/.test(line),
    ),
  )
  const odd = await site.talk('2526')
  await odd.say('MAIL FROM:<c@far.test>')
  await odd.say(`RCPT TO:<${alice.address}>`)
  assert.match(await odd.say('DATA'), /^4\d\d /)
  const leaving = await site.talk('smtp')
  await leaving.say('MAIL FROM:<c@far.test>')
  await leaving.say(`RCPT TO:<${alice.address}>`)
  assert.match(await leaving.say('DATA'), /^354/)
  leaving.wire.send('Subject: half\r\n\r\nhalf a mess')
  leaving.wire.close()
  const talk = await site.talk('smtp')
  assert.match(await talk.message('c@far.test', alice.address, 'Subject: x\r\n\r\nx\r\n'), /^250 kept/)
  assert.equal(filter.heard.filter((line) => line === '.').length, 0)
})
