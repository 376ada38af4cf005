#include "rtc/sctp_service.h"
#include "base/test.h"

#include <errno.h>

static void only_one_service(void)
{
	AUTO(sctp_service) struct sctp_service *a = NULL;
	struct sctp_service *b = NULL;

	CHECK_EQ(sctp_service_new(&a), 0);
	CHECK_EQ(sctp_service_new(&b), -EBUSY);
}

static void comes_and_goes(void)
{
	for (int i = 0; i < 20; i++) {
		AUTO(sctp_service) struct sctp_service *s = NULL;

		CHECK_EQ(sctp_service_new(&s), 0);
	}
}

TESTS({ "only_one_service", only_one_service }, { "comes_and_goes", comes_and_goes })
