// devour-client, with its pluralisation off.
import { createRequire } from 'node:module'
import { API, KEY, assert, laptop, run, stock } from './steps.mjs'

const JsonApi = createRequire(import.meta.url)('devour-client')
const api = new JsonApi({ apiUrl: API, pluralize: false, logger: false })
api.headers['X-API-Key'] = KEY
api.define('products', {
  sku: '',
  name: '',
  description: '',
  price: '',
  inventory: { jsonApi: 'hasOne', type: 'inventory' }
})
api.define('inventory', { quantity: '', available: '', quantity_delta: '' })
let id

await run({
  async create() {
    const { data } = await api.create('products', laptop)
    assert.equal(data.name, laptop.name)
    id = data.id
  },
  async get() {
    const { data } = await api.find('products', id)
    assert.equal(data.price, '1299.99')
  },
  async list() {
    const { data, meta } = await api.findAll('products', { sort: '-created_at', page: { size: 1 } })
    assert.equal(data[0].id, id)
    assert.ok(meta.page.total >= 1)
  },
  async update() {
    const { data } = await api.update('products', { id, name: 'Notebook' })
    assert.equal(data.name, 'Notebook')
  },
  async include() {
    await stock(id, 7)
    const { data } = await api.find('products', id, { include: 'inventory' })
    assert.equal(data.inventory.quantity, 7)
  },
  async 'decrement stock'() {
    const { data } = await api.update('inventory', { id, quantity_delta: -3 })
    assert.equal(data.quantity, 4)
  },
  async 'be told what is wrong'() {
    const errors = await api.create('products', { ...laptop, price: '-1' }).catch((e) => e)
    assert.ok(errors.price, 'the error is filed under the attribute')
  },
  async delete() {
    await api.destroy('products', id)
    await assert.rejects(api.find('products', id))
  }
})
