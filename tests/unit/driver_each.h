/* driver_each.h - for tests of builtins: a live driver of its own for each test, as `TEST(name)` in main(). */
#ifndef DRIVER_EACH_H
#define DRIVER_EACH_H

#include "builtins/live.h"

static struct driver *driver;

static int new_driver(void **state)
{
	(void)state;
	driver = live_new(NULL);
	return driver == NULL ? -1 : 0;
}

static int free_driver(void **state)
{
	(void)state;
	driver->ops->free(driver);
	return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_driver, free_driver)

#endif
