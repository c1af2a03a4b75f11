import { refusalOf } from '../reply-text.ts'
import { restriction } from '../restriction.ts'

/** Makes later permanent refusals temporary. */
export const deferIfReject = restriction({
  names: ['defer_if_reject'],
  make: () => (_request, subject) => ({
    kind: 'defer-if-reject',
    refusal: refusalOf(subject, 450, '4.7.0', 'defer_if_reject requested'),
  }),
})
