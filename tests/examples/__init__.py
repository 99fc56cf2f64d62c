"""Programs that use Stockroom from outside, as their authors would write them.

stockroom_client    one request, sent until its answer is known
order_saga          an order from hold to shipment, with its ways back (docs/saga.md)
"""
