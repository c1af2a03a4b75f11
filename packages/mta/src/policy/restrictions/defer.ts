import { refusalOf } from '../reply-text.ts'
import { restriction } from '../restriction.ts'

/** Ends the list with "try again later". */
export const defer = restriction({
  names: ['defer'],
  closesRelay: true,
  make:
    ({ codes }) =>
    (_request, subject) => ({
      kind: 'refuse',
      refusal: refusalOf(subject, codes.deferCode, '4.3.2', 'Try again later'),
    }),
})
