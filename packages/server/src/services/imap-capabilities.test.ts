import assert from 'node:assert/strict'
import { test } from 'node:test'
import { announcedCapabilities, clientQuirks, defaultQuirks } from './imap-capabilities.ts'

test('Dovecot: imap_capability, its forms', () => {
  const of = (parameter: string) => {
    const { withheld, announcedOnly, announcedToo } = announcedCapabilities(parameter)
    return [[...withheld], announcedOnly && [...announcedOnly], announcedToo]
  }
  assert.deepEqual(of(''), [[], undefined, []])
  assert.deepEqual(of('-IDLE, -move'), [['IDLE', 'MOVE'], undefined, []])
  assert.deepEqual(of('+XFOO XBAR'), [[], undefined, ['XFOO', 'XBAR']])
  assert.deepEqual(of('+XFOO -IDLE'), [['IDLE'], undefined, ['XFOO']])
  assert.deepEqual(of('IMAP4rev1 IDLE'), [[], ['IMAP4REV1', 'IDLE'], []])
  assert.deepEqual(of('IMAP4rev1 IDLE +XFOO -IDLE'), [['IDLE'], ['IMAP4REV1', 'IDLE', 'XFOO'], ['XFOO']])
})

test('imap_client_quirks: rules by name and version, and ours', () => {
  assert.deepEqual(clientQuirks(''), [])
  assert.deepEqual(clientQuirks('default'), defaultQuirks)
  assert.deepEqual(
    clientQuirks(
      'Some Mail*: -MOVE fetch-without-news; default; Other/1.*: -condstore, pause-after-idling, -QRESYNC;',
    ),
    [
      {
        name: 'Some Mail*',
        version: undefined,
        withheld: ['MOVE'],
        workarounds: ['fetch-without-news'],
      },
      ...defaultQuirks,
      {
        name: 'Other',
        version: '1.*',
        withheld: ['CONDSTORE', 'QRESYNC'],
        workarounds: ['pause-after-idling'],
      },
    ],
  )
  for (const wrong of ['MOVE', 'Mail: MOVE', 'Mail:', ': -MOVE', 'Mail: -']) {
    assert.throws(() => clientQuirks(wrong), /expected "name: -CAPABILITY/, wrong)
  }
})
