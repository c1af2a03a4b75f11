import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startImapFixture } from '../testkit/imap-fixture.ts'
import { lastMatched } from './qresync.ts'

const message = 'Subject: one\r\n\r\nbody\r\n'

test('RFC 7162 §3.2.5: SELECT with QRESYNC tells what changed and vanished since', async (t) => {
  const imap = await startImapFixture(t)
  const one = await imap.login('INBOX')
  for (let at = 0; at < 6; at++) await one.append('INBOX', message)
  const opened = (await one.ok('SELECT INBOX')).join('\n')
  const uidValidity = /UIDVALIDITY (\d+)/.exec(opened)![1]!
  const modSeq = /HIGHESTMODSEQ (\d+)/.exec(opened)![1]!
  await one.ok('UID STORE 2,3,6 +FLAGS.SILENT (\\Deleted)')
  await one.ok('UID EXPUNGE 2:3')
  await one.ok('UID STORE 4 +FLAGS.SILENT (\\Seen)')
  const two = await imap.login()
  assert.match((await two.command(`SELECT INBOX (QRESYNC (${uidValidity} ${modSeq}))`)).at(-1)!, /^BAD /)
  assert.equal((await two.ok('ENABLE QRESYNC'))[0], '* ENABLED QRESYNC')
  const tail = async (parameter: string): Promise<string[]> => {
    const lines = await two.ok(`SELECT INBOX (QRESYNC (${parameter}))`)
    return lines.slice(lines.findIndex((line) => line.includes('HIGHESTMODSEQ')) + 1, -1)
  }
  const all = await tail(`${uidValidity} ${modSeq}`)
  assert.equal(all[0], '* VANISHED (EARLIER) 2:3')
  assert.match(all[1]!, /^\* 2 FETCH \(UID 4 FLAGS \(\\Seen( \\Recent)?\) MODSEQ \(\d+\)\)$/)
  assert.match(all[2]!, /^\* 4 FETCH \(UID 6 FLAGS \(\\Deleted( \\Recent)?\) MODSEQ \(\d+\)\)$/)
  assert.equal(all.length, 3)
  const known = await tail(`${uidValidity} ${modSeq} 3:4`)
  assert.equal(known[0], '* VANISHED (EARLIER) 3')
  assert.equal(known.length, 2)
  // Message 2 has UID 4, as the client believes: it knows of all that vanished below.
  assert.equal((await tail(`${uidValidity} ${modSeq} 1:6 (1:2 1,4)`)).length, 2)
  assert.equal((await tail(`${uidValidity} ${modSeq} (1:2 1,4)`)).length, 2)
  assert.deepEqual(await tail(`${Number(uidValidity) + 1} ${modSeq}`), [])
  for (const wrong of ['', '1', '0 1', `1 1 *`, '1 1 1 (1)', '1 1 1 (1 1) 1'])
    assert.match((await two.command(`SELECT INBOX (QRESYNC (${wrong}))`)).at(-1)!, /^BAD /, wrong)
})

test('RFC 7162 §3.2.7, §3.2.10: VANISHED in place of EXPUNGE, HIGHESTMODSEQ in the tagged OK', async (t) => {
  const imap = await startImapFixture(t)
  const one = await imap.login()
  await one.ok('ENABLE QRESYNC')
  await one.ok('SELECT INBOX')
  for (let at = 0; at < 4; at++) await one.append('INBOX', message, '(\\Deleted)')
  const lines = await one.ok('UID EXPUNGE 1,3:4')
  assert.equal(lines[0], '* VANISHED 1,3:4')
  assert.equal(lines[1], '* 1 RECENT')
  assert.match(lines[2]!, /^OK \[HIGHESTMODSEQ \d+\] /)
  const moved = await one.ok('UID MOVE 2 Trash')
  assert.match(moved[0]!, /^\* OK \[COPYUID \d+ 2 1\] /)
  assert.equal(moved[1], '* VANISHED 2')
})

test('RFC 7162 §3.2.5.2: sequence match data', () => {
  const uids = Uint32Array.from([3, 6, 9, 12, 15, 18])
  assert.equal(
    lastMatched(
      uids,
      [
        [2, 2],
        [4, 5],
      ],
      [
        [6, 6],
        [12, 12],
        [15, 15],
      ],
    ),
    15,
  )
  assert.equal(
    lastMatched(
      uids,
      [
        [1, 1],
        [4, 4],
      ],
      [
        [3, 3],
        [13, 13],
      ],
    ),
    3,
  )
  assert.equal(lastMatched(uids, [[1, 4294967295]], [[1, 4294967295]]), 0)
  assert.equal(lastMatched(Uint32Array.from([1, 2, 3]), [[1, 4294967295]], [[1, 4294967295]]), 3)
  assert.equal(lastMatched(new Uint32Array(0), [[1, 1]], [[1, 1]]), 0)
})
