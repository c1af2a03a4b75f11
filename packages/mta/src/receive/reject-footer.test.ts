// biome-ignore-all lint/suspicious/noTemplateCurlyInString: Postfix's own syntax
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SmtpReply, SmtpSession } from '@posthorn/smtp'
import { createTables } from '../tables/index.ts'
import { createRejectFooter } from './reject-footer.ts'

const session: SmtpSession = {
  id: '1',
  service: 'mx',
  clientAddress: '192.0.2.9',
  clientPort: 4711,
  localAddress: '198.51.100.1',
  localPort: 25,
  clientName: 'unknown',
  helo: 'client\r\n.example',
  protocol: 'ESMTP',
  tls: undefined,
  user: undefined,
  trusted: false,
}
const tables = createTables({ log: () => {}, now: () => 0 })
const refusal: SmtpReply = { code: 550, status: '5.7.1', text: 'no' }
const nowMs = new Date(2026, 0, 4, 15, 42, 7).getTime()

function footed(template: string, reply = refusal, maps: readonly string[] = []): readonly string[] {
  const footer = createRejectFooter({
    template,
    maps: maps.map((spec) => tables.open(spec)),
    myhostname: 'mx.us.org',
    now: () => nowMs,
  })
  const said = footer === undefined ? reply : footer(reply, session, 'a@good.net')
  assert.deepEqual([said.code, said.status], [reply.code, reply.status])
  return [said.text].flat()
}

test('Postfix: smtpd_reject_footer: where it stands and what it may name', () => {
  assert.deepEqual(footed(''), ['no'])
  assert.deepEqual(footed('call us'), ['no', 'call us'])
  assert.deepEqual(footed('\\c, sorry'), ['no, sorry'])
  assert.deepEqual(footed('\\c; ${nothing}see\\nbelow'), ['no; see', 'below'])
  assert.deepEqual(footed('one\\ntwo $$three'), ['no', 'one', 'two $three'])
  assert.deepEqual(footed('$localtime $client_address $client_port $server_name'), [
    'no',
    'Jan  4 15:42:07 192.0.2.9 4711 mx.us.org',
  ])
  assert.deepEqual(footed('$client ${sender?for {$sender}} ${recipient?never}$sasl_username'), [
    'no',
    'unknown[192.0.2.9] for {a@good.net} ',
  ])
  // What the client has said stays in its line.
  assert.deepEqual(footed('$helo_name'), ['no', 'client??.example'])
  assert.deepEqual(footed('\\c.', { code: 501, text: ['Syntax', 'error'] }), ['Syntax', 'error.'])
})

test('Postfix: smtpd_reject_footer_maps: the reply decides about its footer', () => {
  const maps = ['inline:{ {550 5.7.1 no = see $server_name}, {500 what = \\c (soon)} }']
  assert.deepEqual(footed('call us', refusal, maps), ['no', 'see mx.us.org'])
  assert.deepEqual(footed('call us', { code: 500, text: 'what' }, maps), ['what (soon)'])
  assert.deepEqual(footed('call us', { ...refusal, text: 'other' }, maps), ['other', 'call us'])
  assert.deepEqual(footed('', { ...refusal, text: 'other' }, maps), ['other'])
})
