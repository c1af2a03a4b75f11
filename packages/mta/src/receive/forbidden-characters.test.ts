import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forbiddenCharacters } from './forbidden-characters.ts'

test('Postfix: message_strip_characters, message_reject_characters, with the escapes of C', () => {
  const strip = (set: string, text: string): string =>
    Buffer.from(forbiddenCharacters(set, '')?.stripped(Buffer.from(text, 'latin1')) ?? []).toString('latin1')
  assert.equal(forbiddenCharacters('', ''), undefined)
  for (const [set, text, rest] of [
    ['\\0', 'a\0b\0', 'ab'],
    ['\\a\\b\\f\\v', 'a\x07b\x08c\x0cd\x0be', 'abcde'],
    ['\\\\x', 'a\\xb', 'ab'],
    ['\\1011', 'AB1C', 'BC'],
    ['\\377', 'a\xffb', 'ab'],
    ['\\q', 'aqb', 'ab'],
    ['zy', 'xyz', 'x'],
  ] as const)
    assert.equal(strip(set, text), rest, set)
  const same = Buffer.from('nothing to be taken out')
  assert.equal(forbiddenCharacters('\\0', '')?.stripped(same), same)
  const refusing = forbiddenCharacters('', '\\0~')
  assert.equal(refusing?.refuses(Buffer.from('a~')), true)
  assert.equal(refusing?.refuses(Buffer.from('a\0')), true)
  assert.equal(refusing?.refuses(Buffer.from('a')), false)
  assert.equal(refusing?.stripped(Buffer.from('~')).length, 1)
})
