"""Reading the two former databases: the products service's and the inventory service's."""
