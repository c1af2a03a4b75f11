import { refusalOf } from '../reply-text.ts'
import { restriction } from '../restriction.ts'

/** Ends the list with a refusal. */
export const reject = restriction({
  names: ['reject'],
  closesRelay: true,
  make:
    ({ codes }) =>
    (_request, subject) => ({
      kind: 'refuse',
      refusal: refusalOf(subject, codes.rejectCode, '5.7.1', 'Access denied'),
    }),
})
