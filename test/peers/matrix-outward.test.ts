/** What Postfix and Posthorn say to the same servers, and what they make of the answers. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Outward, type OutwardScenario, plainMessage } from './outward-peers.ts'
import { postfixMissing } from './private-postfix.ts'

const ehlo = (...keywords: readonly string[]): string =>
  ['peer.test', ...keywords].map((word, at) => `250${at === keywords.length ? ' ' : '-'}${word}`).join('\n')
const to = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => `<r${at}@PEER>`)

const modern = ehlo('PIPELINING', 'SIZE 1000000', '8BITMIME', 'SMTPUTF8', 'DSN')

const scenarios: readonly OutwardScenario[] = [
  { name: 'a plain message, pipelined', peer: { EHLO: modern } },
  { name: 'a server that knows HELO only', peer: { EHLO: '502 5.5.1 what?' } },
  { name: 'a greeting of 4yz', peer: { greeting: '421 4.3.2 busy' } },
  { name: 'a greeting of 5yz', peer: { greeting: '554 5.3.2 no mail here' } },
  {
    name: 'a greeting of several lines',
    peer: { greeting: '220-peer.test ESMTP\n220-no spam\n220 please', EHLO: modern },
  },
  { name: 'the connection is lost before the greeting', peer: { greeting: 'DROP' } },
  { name: 'silence instead of a greeting', peer: { greeting: 'SILENCE' } },
  { name: 'EHLO and HELO refused for now', peer: { EHLO: '450 4.7.1 not now', HELO: '450 4.7.1 not now' } },
  { name: 'EHLO and HELO refused', peer: { EHLO: '550 5.7.1 never', HELO: '550 5.7.1 never' }, reports: 1 },
  { name: 'lost after EHLO', peer: { EHLO: 'DROP' } },
  { name: 'MAIL refused', peer: { EHLO: modern, MAIL: '550 5.7.1 not you' }, reports: 1 },
  { name: 'MAIL refused for now', peer: { EHLO: modern, MAIL: '451 4.3.0 later' } },
  {
    name: 'RCPT: one refused, one later, one taken',
    peer: {
      EHLO: modern,
      'RCPT TO:': '250 ok',
      RCPT: ['550 5.1.1 unknown', '450 4.2.0 greylisted', '250 2.1.5 ok'],
    },
    to: to(3),
    reports: 1,
  },
  {
    name: 'all RCPT refused, DATA 354 all the same',
    peer: { EHLO: modern, RCPT: '550 5.1.1 unknown' },
    to: to(2),
    reports: 1,
  },
  {
    name: 'all RCPT refused without pipelining',
    peer: { EHLO: ehlo('DSN'), RCPT: '550 5.1.1 unknown' },
    to: to(2),
    reports: 1,
  },
  { name: 'DATA refused', peer: { EHLO: modern, DATA: '554 5.5.1 no valid recipients' }, reports: 1 },
  { name: 'DATA refused for now', peer: { EHLO: modern, DATA: '451 4.3.0 disk' } },
  { name: 'the dot refused', peer: { EHLO: modern, '.': '554 5.7.1 spam' }, to: to(2), reports: 1 },
  {
    name: 'the dot refused for now, with several lines',
    peer: { EHLO: modern, '.': '451-4.3.0 one\n451-4.3.0 two\n451 4.3.0 three' },
  },
  { name: '421 to the dot', peer: { EHLO: modern, '.': '421 4.3.2 going down\nDROP' } },
  { name: 'lost at MAIL', peer: { EHLO: ehlo('DSN'), MAIL: 'DROP' } },
  { name: 'lost at RCPT', peer: { EHLO: ehlo('DSN'), RCPT: 'DROP' } },
  { name: 'lost at the second RCPT', peer: { EHLO: ehlo('DSN'), RCPT: ['250 ok', 'DROP'] }, to: to(2) },
  { name: 'lost at DATA', peer: { EHLO: ehlo('DSN'), DATA: 'DROP' } },
  { name: 'lost at the dot', peer: { EHLO: ehlo('DSN'), '.': 'DROP' } },
  { name: 'silence at MAIL', peer: { EHLO: ehlo('DSN'), MAIL: 'SILENCE' } },
  { name: 'silence at RCPT', peer: { EHLO: ehlo('DSN'), RCPT: 'SILENCE' } },
  { name: 'silence at DATA', peer: { EHLO: ehlo('DSN'), DATA: 'SILENCE' } },
  { name: 'silence at the dot', peer: { EHLO: ehlo('DSN'), '.': 'SILENCE' } },
  { name: 'a code alone', peer: { EHLO: modern, MAIL: '250', RCPT: '550' }, reports: 1 },
  {
    name: 'a reply of another class than its status',
    peer: { EHLO: modern, RCPT: '550 4.1.1 odd' },
    reports: 1,
  },
  { name: 'RCPT answered by 354', peer: { EHLO: ehlo('DSN'), RCPT: '354 what' }, reports: 1 },
  { name: 'DATA answered by 250', peer: { EHLO: ehlo('DSN'), DATA: '250 fine' }, reports: 1 },
  {
    name: '8 bits to a server with 8BITMIME',
    from: '<from@back.test> BODY=8BITMIME',
    message: `${plainMessage}\nu\u00fcmlaut`,
    peer: { EHLO: modern },
  },
  {
    name: '8 bits to a server without 8BITMIME',
    from: '<from@back.test> BODY=8BITMIME',
    message: plainMessage.replace(
      '\n\n',
      '\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n\u00fcml =\n',
    ),
    peer: { EHLO: ehlo('PIPELINING') },
  },
  {
    name: '8 bits undeclared to a server with 8BITMIME',
    message: `${plainMessage}\nu\u00fcmlaut`,
    peer: { EHLO: modern },
  },
  {
    name: 'SMTPUTF8 address to a server without',
    from: '<fr\u00fcm@back.test> SMTPUTF8',
    peer: { EHLO: ehlo('PIPELINING', '8BITMIME') },
    // Postfix quotes the sender octet by octet, and calls what is UTF-8 rfc822.
    reports: 'not compared',
  },
  {
    name: 'SMTPUTF8 asked for, ASCII all along, to a server without',
    from: '<from@back.test> SMTPUTF8',
    peer: { EHLO: ehlo('PIPELINING', '8BITMIME') },
  },
  {
    name: 'SMTPUTF8 header to a server without',
    from: '<from@back.test> SMTPUTF8 BODY=8BITMIME',
    message: plainMessage.replace('hello', 'h\u00e9llo'),
    peer: { EHLO: ehlo('PIPELINING', '8BITMIME') },
    reports: 'not compared',
  },
  {
    name: 'SMTPUTF8 to a server with it',
    from: '<fr\u00fcm@back.test> SMTPUTF8 BODY=8BITMIME',
    message: plainMessage.replace('hello', 'h\u00e9llo'),
    peer: { EHLO: modern },
  },
  {
    name: 'dots',
    message: `${plainMessage}\n.\n..\n.x\n. .\nend.`.replace(/\n\./g, '\n..'),
    peer: { EHLO: modern },
  },
  {
    name: 'long lines',
    message: `${plainMessage}\n${'x'.repeat(998)}\n${'y'.repeat(999)}\n${'z'.repeat(1997)}\nend`,
    peer: { EHLO: modern },
  },
  { name: 'a NUL in the body', message: `${plainMessage}\na\x00b`, peer: { EHLO: modern } },
  {
    name: 'DSN: RET and ENVID, NOTIFY and ORCPT passed on',
    from: '<from@back.test> RET=HDRS ENVID=a+2Bb',
    to: ['<a@PEER> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@PEER', '<b@PEER> NOTIFY=NEVER'],
    peer: { EHLO: modern },
  },
  {
    name: 'DSN to a server without: relayed reports',
    from: '<from@back.test> RET=HDRS ENVID=a+2Bb',
    to: ['<a@PEER> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a@PEER', '<b@PEER> NOTIFY=NEVER', '<c@PEER>'],
    peer: { EHLO: ehlo('PIPELINING') },
    reports: 1,
  },
  {
    name: 'DSN: failure to NOTIFY=NEVER, FAILURE and none',
    to: ['<a@PEER> NOTIFY=NEVER', '<b@PEER> NOTIFY=FAILURE', '<c@PEER> NOTIFY=SUCCESS', '<d@PEER>'],
    peer: { EHLO: modern, RCPT: '550 5.1.1 unknown' },
    reports: 1,
  },
  {
    name: 'DSN: RET=FULL',
    from: '<from@back.test> RET=FULL ENVID=x',
    peer: { EHLO: modern, RCPT: '550 5.1.1 unknown' },
    reports: 1,
  },
  {
    name: 'DSN: RET=HDRS',
    from: '<from@back.test> RET=HDRS ENVID=x',
    peer: { EHLO: modern, RCPT: '550 5.1.1 unknown' },
    reports: 1,
  },
  {
    name: 'the null sender is never answered',
    from: '<>',
    peer: { EHLO: modern, RCPT: '550 5.1.1 unknown' },
  },
  { name: 'a quoted local part', to: ['<"a b"@PEER>', '<"ab"@PEER>'], peer: { EHLO: modern } },
  {
    name: 'mail loops back to ourselves',
    peer: { greeting: '220 mx.example.org ESMTP', EHLO: '250 mx.example.org' },
  },
  {
    name: 'our own name in the greeting alone',
    peer: { greeting: '220 mx.example.org ESMTP', EHLO: modern },
  },
  {
    name: 'replies in capitals and with tabs',
    peer: { EHLO: '250-peer.test\n250-pipelining\n250-Size 5000\n250 8bitmime' },
  },
  { name: 'QUIT is not answered', peer: { EHLO: modern, QUIT: 'SILENCE' } },
]

describe('the same servers for Postfix and for us', { skip: postfixMissing }, () => {
  const outward = new Outward()
  before(async () => await outward.start())
  after(async () => await outward.stop())
  for (const scenario of scenarios)
    test(scenario.name, async () => {
      const { ours, theirs } = await outward.run(scenario)
      assert.deepEqual(ours, theirs)
    })
})
