import assert from 'node:assert/strict'
import { test } from 'node:test'
import { headerFields } from './header.ts'
import { makeMessageId } from './message-id.ts'
import { isStatus, statusInClass, statusOfReply } from './status.ts'
import { deliveryPrefix, localReceivedField, receivedField } from './trace.ts'

const input = {
  helo: 'client.example.net',
  clientName: 'unknown',
  clientAddress: '192.0.2.7',
  host: 'mail.example.org',
  protocol: 'ESMTP',
  queueId: 'A1B2C3',
  nowMs: Date.UTC(2026, 10, 21, 22, 35),
}

test('RFC 5321 §4.4: Received in Postfix’s form', () => {
  assert.equal(
    receivedField({ ...input, recipient: 'bob@example.org' }).toString(),
    'Received: from client.example.net (unknown [192.0.2.7])\r\n' +
      '\tby mail.example.org (Posthorn) with ESMTP id A1B2C3\r\n' +
      '\tfor <bob@example.org>; Sat, 21 Nov 2026 22:35:00 +0000\r\n',
  )
  assert.equal(
    receivedField({
      ...input,
      clientAddress: '2001:db8::1',
      clientName: 'client.example.net',
      protocol: 'ESMTPSA',
      tls: { protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', bits: 256 },
      user: 'alice',
    }).toString(),
    'Received: from client.example.net (client.example.net [IPv6:2001:db8::1])\r\n' +
      '\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n' +
      '\t(No client certificate requested)\r\n' +
      '\t(Authenticated sender: alice)\r\n' +
      '\tby mail.example.org (Posthorn) with ESMTPSA id A1B2C3; Sat, 21 Nov 2026 22:35:00 +0000\r\n',
  )
  assert.equal(
    localReceivedField({ ...input, userid: 1000 }).toString(),
    'Received: by mail.example.org (Posthorn, from userid 1000)\r\n\tid A1B2C3; Sat, 21 Nov 2026 22:35:00 +0000\r\n',
  )
})

test('CVE-2008-1218 class: nothing a client says adds fields or long lines to the trace', () => {
  const hostile = `x\r\nX-Evil: 1\r\n\r\nbody)${'y'.repeat(3000)}\0`
  const received = receivedField({
    ...input,
    helo: hostile,
    clientName: hostile,
    recipient: hostile,
    user: hostile,
  })
  const prefix = deliveryPrefix({ sender: hostile, originalTo: hostile, deliveredTo: hostile })
  assert.deepEqual(
    [...headerFields(received)].map((f) => f.name),
    ['Received'],
  )
  assert.deepEqual(
    [...headerFields(prefix)].map((f) => f.name),
    ['Return-Path', 'X-Original-To', 'Delivered-To'],
  )
  for (const line of [...received.toString().split('\r\n'), ...prefix.toString().split('\r\n')])
    assert.ok(line.length <= 998)
})

test('RFC 5321 §4.4: Return-Path before Postfix’s delivery fields', () => {
  assert.equal(
    deliveryPrefix({ sender: '', originalTo: 'info@example.org', deliveredTo: 'bob@example.org' }).toString(),
    'Return-Path: <>\r\nX-Original-To: info@example.org\r\nDelivered-To: bob@example.org\r\n',
  )
})

test('RFC 3463 §2, RFC 2034 §4: status codes', () => {
  assert.equal(statusOfReply(550, '5.1.1 User unknown'), '5.1.1')
  assert.equal(statusOfReply(450, '5.1.1 mismatch'), '4.0.0')
  assert.equal(statusOfReply(550, 'no status'), '5.0.0')
  assert.equal(statusOfReply(250, '2.0.0 Ok'), '2.0.0')
  assert.equal(isStatus('5.1.1000'), false)
  assert.equal(statusInClass('4.4.7', 5), '5.4.7')
})

test('RFC 5322 §3.6.4: message identifiers', () => {
  assert.equal(
    makeMessageId(input.nowMs, 'A1B2', 'mail.example.org'),
    '<20261121223500.A1B2@mail.example.org>',
  )
  assert.equal(makeMessageId(0, '>\r\n', 'a b'), '<19700101000000.@ab>')
})

test('Postfix: smtpd_hide_client_session: nothing of the client is told', () => {
  const field = receivedField({
    client: 'hidden',
    helo: 'laptop.example.net',
    clientName: 'home.example.net',
    clientAddress: '192.0.2.9',
    user: 'ann@example.org',
    host: 'mx.example.org',
    protocol: 'ESMTPSA',
    queueId: 'A1B2',
    recipient: 'b@example.org',
    nowMs: 0,
  })
  assert.equal(
    field.toString(),
    'Received: by mx.example.org (Posthorn) id A1B2\r\n\tfor <b@example.org>; Thu, 1 Jan 1970 00:00:00 +0000\r\n',
  )
})
