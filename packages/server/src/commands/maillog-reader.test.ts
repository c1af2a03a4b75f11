import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseLogLine } from './maillog-reader.ts'
import { formatStatistics, gatherStatistics } from './postfix/mailstats.ts'
import { story } from './posthorn/explain.ts'

const text = `Nov  2 10:00:00 mail posthorn/smtpd[1]: connect from a.test[192.0.2.1]
Nov  2 10:00:00 mail posthorn/smtpd[1]: connect from b.test[192.0.2.2]
Nov  2 10:00:01 mail posthorn/smtpd[1]: NOQUEUE: reject: RCPT from a.test[192.0.2.1]: 550 5.1.1 <x@us>: no; from=<a@a.test> to=<x@us>
Nov  2 10:00:01 mail posthorn/smtpd[1]: 4AAAAAAAA1: client=a.test[192.0.2.1]
Nov  2 10:00:01 mail posthorn/smtpd[1]: 4AAAAAAAA2: client=b.test[192.0.2.2]
Nov  2 10:00:02 mail posthorn/qmgr[1]: 4AAAAAAAA1: from=<a@a.test>, size=2048, nrcpt=2 (queue active)
Nov  2 10:00:02 mail posthorn/local[1]: 4AAAAAAAA1: to=<u@us>, relay=local, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (delivered to mailbox)
Nov  2 10:00:03 mail posthorn/smtp[1]: 4AAAAAAAA1: to=<f@far>, relay=none, delay=0, delays=0/0/0/0, dsn=4.4.1, status=deferred (refused)
Nov  2 10:00:03 mail posthorn/smtpd[1]: disconnect from a.test[192.0.2.1] ehlo=1 commands=1
Nov  2 10:00:03 mail posthorn/smtpd[1]: connect from a.test[192.0.2.1]
Nov  2 10:05:03 mail posthorn/qmgr[1]: 4AAAAAAAA1: from=<a@a.test>, size=2048, nrcpt=1 (queue active)
Nov  2 10:05:03 mail posthorn/smtp[1]: 4AAAAAAAA1: to=<f@far>, relay=far[1.2.3.4]:25, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent (ok)
Nov  2 10:05:03 mail posthorn/qmgr[1]: 4AAAAAAAA1: removed
Nov  2 10:06:00 mail dovecot: imap-login: Login: user=<u>
Nov  2 10:07:00 mail posthorn/pickup[1]: 4AAAAAAAA3: uid=0 from=<root>
Nov  2 10:07:00 mail posthorn/qmgr[1]: 4AAAAAAAA3: from=<root@us>, size=100, nrcpt=1 (queue active)
a line of somebody else
`
const lines = text
  .split('\n')
  .map(parseLogLine)
  .filter((line) => line !== undefined)

test('lines of the log are taken apart', () => {
  assert.equal(lines.length, 16)
  assert.deepEqual(
    { ...lines[3], whole: '' },
    {
      whole: '',
      time: 'Nov  2 10:00:01',
      service: 'smtpd',
      queueId: '4AAAAAAAA1',
      text: 'client=a.test[192.0.2.1]',
    },
  )
  assert.equal(lines[13]?.service, 'dovecot')
})

test('explain: the session that brought the message, and every attempt; nobody else', async () => {
  const told = await story(lines, '4AAAAAAAA1')
  assert.deepEqual(
    told.map((line) => lines.indexOf(line)),
    [0, 2, 3, 5, 6, 7, 8, 10, 11, 12],
  )
  assert.deepEqual(await story(lines, '4AAAAAAAA9'), [])
})

test('mailstats: a message counts once, however often it is tried', async () => {
  assert.equal(
    formatStatistics(await gatherStatistics(lines)),
    `Statistics from Nov  2 10:00:00
 M     msgsfr bytes_from     msgsto   bytes_to    msgsrej  Mailer
 3          1         1K          1         2K          0  local
 5          1         2K          1         2K          1  esmtp
==================================================================
 T          2         3K          2         4K          1
`,
  )
  assert.match(formatStatistics(await gatherStatistics([])), /^Statistics from an empty log\n/)
})
