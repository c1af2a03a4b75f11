/** Messages of the kinds that people get; number `n` is the same at each start. */
export function sampleMessage(n: number): Buffer {
  const make = kinds[n % kinds.length] as (n: number) => string
  return Buffer.from(make(n).replaceAll('\n', '\r\n'))
}

const names = [
  'Anna Keller',
  'Bob Stone',
  '=?utf-8?Q?J=C3=BCrgen_M=C3=BC=C3=9Fig?=',
  '"Diaz, Carla"',
] as const
const subjects = [
  'Minutes of the meeting',
  '=?utf-8?B?R3LDtsOfZXJlIMOEbmRlcnVuZ2VuIGbDvHIgTcOkcno=?=',
  'Release 4.2 and what comes after it, with a subject that is folded\n over two lines',
  'Invoice 2291',
] as const
const months = ['Jan', 'Mar', 'May', 'Aug', 'Oct', 'Dec'] as const
const sentence = 'The report for the project is attached; please read it before the meeting on Monday.'
const words = sentence.split(' ')

const pick = <T>(list: readonly T[], n: number): T => list[n % list.length] as T

function fields(n: number): string {
  const isReply = n % 3 !== 0
  const parent = n - (n % 3)
  return `From: ${pick(names, n)} <person${n % 40}@example.org>
To: Reader <reader@warm-up.invalid>, Somebody Else <else${n % 7}@example.net>
${n % 4 === 0 ? 'Cc: list@example.org\n' : ''}Subject: ${isReply ? 'Re: ' : ''}${pick(subjects, isReply ? parent : n)}
Date: Mon, ${1 + (n % 28)} ${pick(months, n)} 2026 ${10 + (n % 10)}:${10 + (n % 50)}:07 +0${n % 10}00
Message-ID: <warm.${n}@mail.example.org>
${isReply ? `In-Reply-To: <warm.${parent}@mail.example.org>\nReferences: <warm.${parent}@mail.example.org>\n` : ''}MIME-Version: 1.0
X-Mailer: Sample 1.${n % 9}
`
}

function prose(n: number, lines: number): string {
  const made = Array.from(
    { length: lines },
    (_, at) => `${pick(words, n + at)} ${pick(words, n * at)} ${sentence}`,
  )
  return `${made.join('\n')}\n.${n}\n`
}

const base64 = (n: number, lines: number): string =>
  Array.from({ length: lines }, (_, at) => Buffer.alloc(57, n * 31 + at).toString('base64')).join('\n')

const plain = (n: number): string => `${fields(n)}Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

${prose(n, 58)}`

const quoted = (
  n: number,
): string => `${fields(n)}Content-Type: text/plain; charset="iso-8859-1"; format=flowed
Content-Transfer-Encoding: quoted-printable

${prose(n, 20)}Gr=FC=DFe =\naus M=FCnchen=20
`

const alternative = (
  n: number,
): string => `${fields(n)}Content-Type: multipart/alternative; boundary="alt${n}"

This is a message in several parts.
--alt${n}
Content-Type: text/plain; charset=utf-8

${prose(n, 15)}
--alt${n}
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<html><body><p style=3D"x">${prose(n, 25)}</p></body></html>
--alt${n}--
`

const attached = (n: number): string => `${fields(n)}Content-Type: multipart/mixed; boundary="=_mixed${n}"

--=_mixed${n}
Content-Type: text/plain; charset=us-ascii

${prose(n, 10)}
--=_mixed${n}
Content-Type: application/pdf; name="report ${n}.pdf"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename*=utf-8''r%C3%A9port.pdf; size=5700

${base64(n, 70)}
--=_mixed${n}--
`

const kinds = [plain, plain, alternative, plain, attached, quoted] as const
