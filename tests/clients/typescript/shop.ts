// A product's way from the catalogue to a reservation, with types for all that is sent and got.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { stockroom, type Schemas, type Whole } from './stockroom.js'

const key = () => ({ 'Idempotency-Key': randomUUID() })
const order = randomUUID()

// Create it: a plain object, or a JSON:API document.
const made = await stockroom.POST('/api/v1/products', {
  params: { header: key() },
  body: {
    name: 'Laptop',
    description: 'Thin and quiet',
    price: '1299.99'
  } satisfies Schemas['ProductInput'] // finds typing errors
})
assert.ok(made.data, made.error?.errors[0]?.detail)
const product = made.data.data as Whole<Schemas['Product']>
const price: string = product.attributes.price
const barcode: string | null = product.attributes.barcode
assert.deepEqual([price, barcode], ['1299.99', null])

// Stock it.
const stocked = await stockroom.POST('/api/v1/inventory', {
  params: { header: key() },
  body: { product_id: product.id, quantity: 10 }
})
const quantity: number | undefined = stocked.data?.data.attributes?.quantity
assert.equal(quantity, 10)

// Reserve three.
const held = await stockroom.POST('/api/v1/reservations', {
  params: { header: key() },
  body: { order_reference: order, lines: [{ product_id: product.id, quantity: 3 }] }
})
const lines = held.data?.data.attributes?.lines ?? []
const supply = lines[0]?.allocations.map(({ location, batch, quantity, eta }) => {
  const from: [string | null, string | null] = [location, batch]
  return { from, quantity: quantity satisfies number, eta: eta satisfies string | null }
})
assert.deepEqual(supply, [{ from: ['main', null], quantity: 3, eta: null }])

// Change it, with a document and only if nobody else did.
const changed = await stockroom.PATCH('/api/v1/products/{id}', {
  params: {
    path: { id: product.id },
    header: { 'If-Match': made.response.headers.get('ETag') ?? '' }
  },
  body: { data: { type: 'products', id: product.id, attributes: { price: 999.5 } } }
})
assert.equal(changed.data?.data.attributes?.price, '999.50')

// Find it: filters, order and what comes along are known by name.
const page = await stockroom.GET('/api/v1/products', {
  params: {
    query: {
      'filter[status]': 'active',
      'filter[price][gte]': 999.5,
      'filter[search]': 'quiet lap',
      sort: ['price', '-created_at'],
      include: ['inventory', 'category'],
      'page[size]': 100
    }
  }
})
assert.ok(page.data)
assert.ok(page.data.data.some(({ id }) => id === product.id))
const included = page.data.included ?? []
const stock = included.find((one) => one.type === 'inventory' && one.id === product.id)
assert.ok(stock?.type === 'inventory')
assert.equal(stock.attributes?.available, 7)

// Walk through all levels, page by page.
async function* levelsOf(id: string) {
  let next: string | undefined
  do {
    const after: string = next ? (new URL(next).searchParams.get('page[after]') ?? '') : ''
    const query = { 'filter[product]': id, 'page[size]': 1, 'page[after]': after }
    const answer = await stockroom.GET('/api/v1/stock-levels', { params: { query } })
    assert.ok(answer.data)
    yield* answer.data.data
    next = answer.data.links.next
  } while (next)
}
const available: (number | undefined)[] = []
for await (const { attributes } of levelsOf(product.id)) available.push(attributes?.available)
assert.deepEqual(available, [7])

// A refusal has a type, too.
const refused = await stockroom.POST('/api/v1/reservations', {
  body: { order_reference: randomUUID(), lines: [{ product_id: product.id, quantity: 8 }] }
})
const error: Schemas['Error'] | undefined = refused.error?.errors[0]
assert.equal(error?.code, 'insufficient_stock')
assert.deepEqual([error.meta?.available, error.meta?.shortfall], [7, 1])
assert.equal(error.source?.pointer, '/lines/0')

console.log('7 steps')
